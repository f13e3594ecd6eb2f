//! Reads the code of our own sheet from its three corner squares: each module by the mean of its middle, against the
//! light around it.
//!
//! A general reader looks at one pixel a module and wants the small square in the fourth corner; a stripe of a dirty
//! feeder, a punched hole or a stamp is then enough to lose the sheet. A scanner moves and turns paper but does not
//! bend it, so three corners say where every module is (ISO/IEC 18004).

use super::bars::Square;
use image::GrayImage;
use rxing::common::BitMatrix;
use rxing::qrcode::decoder::qrcode_decoder;

/// Modules along a side of our code without a date (version 2) and with one (version 3).
const MODULES: [u32; 2] = [25, 29];

/// Modules between the middles of two corner squares, fewer than along a side.
const CORNERS: u32 = 7;

/// Corner squares looked at; more than these are no sheet.
const SQUARES_MAX: usize = 8;

/// The text of a code of our size, if three of these squares are its corners.
pub(super) fn read(image: &GrayImage, squares: &[Square]) -> Option<String> {
    let squares = &squares[..squares.len().min(SQUARES_MAX)];
    for corner in squares {
        for right in squares {
            for below in squares {
                for modules in MODULES {
                    if is_corner(corner, right, below, modules)
                        && let Some(text) = decoded(image, corner, right, below, modules)
                    {
                        return Some(text);
                    }
                }
            }
        }
    }
    None
}

/// Do these lie as the upper left, upper right and lower left square of an upright code, however it is turned?
fn is_corner(corner: &Square, right: &Square, below: &Square, modules: u32) -> bool {
    let (ax, ay) = (right.x - corner.x, right.y - corner.y);
    let (bx, by) = (below.x - corner.x, below.y - corner.y);
    let (along, down) = (ax.hypot(ay), bx.hypot(by));
    // Of the size that so many modules make of squares of seven.
    let expected = corner.size / 7.0 * (modules - CORNERS) as f32;
    if along < expected * 0.75 || along > expected * 1.3 || (along - down).abs() > along * 0.1 {
        return false;
    }
    let (inner, cross) = (ax * bx + ay * by, ax * by - ay * bx);
    cross > 0.0 && inner.abs() < along * down * 0.12
}

fn decoded(
    image: &GrayImage,
    corner: &Square,
    right: &Square,
    below: &Square,
    modules: u32,
) -> Option<String> {
    let span = (modules - CORNERS) as f32;
    let across = ((right.x - corner.x) / span, (right.y - corner.y) / span);
    let down = ((below.x - corner.x) / span, (below.y - corner.y) / span);
    let at = |column: f32, row: f32| {
        let (column, row) = (column - 3.0, row - 3.0);
        (corner.x + column * across.0 + row * down.0, corner.y + column * across.1 + row * down.1)
    };
    let count = modules as usize;
    let mut light = vec![0.0_f32; count * count];
    for row in 0..count {
        for column in 0..count {
            light[row * count + column] = mean(image, &at, column as f32, row as f32)?;
        }
    }
    let mut matrix = BitMatrix::new(modules, modules).ok()?;
    for row in 0..count {
        for column in 0..count {
            if light[row * count + column] < threshold(&light, count, column, row) {
                matrix.set(column as u32, row as u32);
            }
        }
    }
    let result = qrcode_decoder::decode_bitmatrix(&matrix).ok()?;
    Some(result.getText().to_owned())
}

/// The mean light of the middle of a module; `None` when it lies outside of the image.
fn mean(image: &GrayImage, at: &impl Fn(f32, f32) -> (f32, f32), column: f32, row: f32) -> Option<f32> {
    const PLACES: [f32; 5] = [-0.32, -0.16, 0.0, 0.16, 0.32];
    let mut sum = 0.0;
    for dy in PLACES {
        for dx in PLACES {
            let (x, y) = at(column + dx, row + dy);
            if x < 0.0 || y < 0.0 {
                return None;
            }
            sum += f32::from(image.get_pixel_checked(x.round() as u32, y.round() as u32)?.0[0]);
        }
    }
    Some(sum / (PLACES.len() * PLACES.len()) as f32)
}

/// Half-way between the darkest and the lightest module nearby: light falls off over a page.
fn threshold(light: &[f32], count: usize, column: usize, row: usize) -> f32 {
    const NEAR: usize = 3;
    let (mut least, mut most) = (f32::MAX, f32::MIN);
    for y in row.saturating_sub(NEAR)..(row + NEAR + 1).min(count) {
        for &value in
            &light[y * count + column.saturating_sub(NEAR)..y * count + (column + NEAR + 1).min(count)]
        {
            least = least.min(value);
            most = most.max(value);
        }
    }
    (least + most) / 2.0
}
