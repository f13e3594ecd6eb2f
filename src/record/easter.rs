//! When it is Easter: public holidays follow from it, and so does what people tell by it ("vlak na Pasen").

use jiff::civil::{Date, date};

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm published by Meeus), for the years 1 to 9999.
pub fn easter(year: i16) -> Date {
    let year = year.clamp(1, 9999);
    let y = i32::from(year);
    let a = y % 19;
    let (b, c) = (y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let (month, day) = (i8::try_from(n / 31).unwrap_or(4), i8::try_from(n % 31 + 1).unwrap_or(1));
    date(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_easter_when_the_tables_say_so() {
        // The earliest and the latest day that it can be are among them.
        for day in [
            date(1818, 3, 22),
            date(1900, 4, 15),
            date(1943, 4, 25),
            date(1954, 4, 18),
            date(2019, 4, 21),
            date(2199, 4, 14),
        ] {
            assert_eq!(easter(day.year()), day);
        }
        assert_eq!(easter(i16::MAX).year(), 9999);
    }
}
