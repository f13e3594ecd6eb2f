//! Sizes as people say them, in the units of their file manager and their mail server: a kB is 1,024 bytes.
//!
//! Invariant: rounded up, so that what is over a bound is never told as the bound.

const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];

/// Dutch, with a decimal from a megabyte on where there is one: `812 kB`, `12,4 MB`, `100 MB`.
pub fn size(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (mut unit, mut bytes_in_unit) = (0, 1024);
    while unit + 1 < UNITS.len() && bytes.div_ceil(bytes_in_unit) >= 1024 {
        unit += 1;
        bytes_in_unit *= 1024;
    }
    let tenths = match unit {
        0 => bytes.div_ceil(bytes_in_unit) * 10,
        _ => (bytes * 10).div_ceil(bytes_in_unit),
    };
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {}", UNITS[unit]),
        (whole, tenth) => format!("{whole},{tenth} {}", UNITS[unit]),
    }
}

/// The same for who reads English.
pub fn size_in_english(bytes: u64) -> String {
    size(bytes).replace(',', ".")
}

#[cfg(test)]
mod tests {
    use super::size;
    use crate::limits::PIECE_BYTES_MAX;

    #[test]
    fn sizes_are_told_as_people_say_them() {
        for (bytes, told) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_234, "2 kB"),
            (1_048_000, "1 MB"),
            (12_345_678, "11,8 MB"),
            (7 << 30, "7 GB"),
            (u64::MAX, "16777216 TB"),
        ] {
            assert_eq!(size(bytes), told, "{bytes}");
        }
    }

    #[test]
    fn what_is_over_a_bound_is_not_told_as_the_bound() {
        assert_eq!(size(PIECE_BYTES_MAX), "100 MB");
        assert_eq!(size(PIECE_BYTES_MAX + 1), "100,1 MB");
    }
}
