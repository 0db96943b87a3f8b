//! Pictures: from the files of other programs, and as a classifier is to see them.

use std::io::Cursor;

use cpu::image::Picture;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, Rgba, RgbaImage};

use super::drawing;

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The picture as other programs have it.
pub fn grey(picture: &Picture) -> GrayImage {
    let [height, width] = picture.size();
    GrayImage::from_raw(width as u32, height as u32, picture.pixels().to_vec()).unwrap()
}

/// The same drawing in many types of pixels, each as what it is to become.
#[test]
fn pixels_of_every_type_become_grey() {
    let picture = drawing(2, [30, 40]);
    let grey = grey(&picture);
    let map = |pixel: fn(u8) -> Rgba<u8>| -> DynamicImage {
        RgbaImage::from_fn(grey.width(), grey.height(), |x, y| {
            pixel(grey.get_pixel(x, y)[0])
        })
        .into()
    };
    let image = DynamicImage::from(grey.clone());
    for (what, image) in [
        ("8 bits", image.clone()),
        ("16 bits", image.to_luma16().into()),
        ("grey and alpha", image.to_luma_alpha8().into()),
        ("16 bits and alpha", image.to_luma_alpha16().into()),
        ("colours", image.to_rgb8().into()),
        ("16 bits of colours", image.to_rgb16().into()),
        ("16 bits of colours and alpha", image.to_rgba16().into()),
        // Ink on a sheet of glass, and paper where nothing can be seen.
        ("glass", map(|grey| Rgba([grey, grey, grey, 255 - grey]))),
        ("black glass", map(|grey| Rgba([0, 0, 0, 255 - grey]))),
    ] {
        let decoded = Picture::decode(&encoded(&image, ImageFormat::Png));
        assert_eq!(decoded.unwrap(), picture, "{what}");
    }
    for (what, image, expected) in [
        ("half of it", LumaA([0, 128]), 127),
        ("white", LumaA([255, 7]), 255),
    ] {
        let image = image::ImageBuffer::from_pixel(1, 1, image);
        let bytes = encoded(&DynamicImage::ImageLumaA8(image), ImageFormat::Png);
        assert_eq!(
            Picture::decode(&bytes).unwrap().pixels(),
            [expected],
            "{what}"
        );
    }
    // Rec. 709: green is lighter than red, red is lighter than blue.
    let of = |colour| {
        let image = image::RgbImage::from_pixel(1, 1, Rgb(colour));
        let bytes = encoded(&image.into(), ImageFormat::Png);
        Picture::decode(&bytes).unwrap().pixels()[0]
    };
    assert_eq!(
        [of([255, 0, 0]), of([0, 255, 0]), of([0, 0, 255])],
        [54, 182, 18]
    );
}

#[test]
fn portable_greymaps_are_read_as_text_and_as_bytes() {
    let expected = Picture::new([2, 3], vec![0, 51, 102, 153, 204, 255]).unwrap();
    let text = b"P2\n# a comment\n3 2\n5\n0 1 2\n3 4 5\n";
    let bytes = b"P5 3 2 255\n\x00\x33\x66\x99\xcc\xff";
    let wide = b"P5 3 2 65535\n\x00\x00\x33\x33\x66\x66\x99\x99\xcc\xcc\xff\xff";
    for file in [&text[..], bytes, wide] {
        assert_eq!(Picture::decode(file).unwrap(), expected);
    }
}

/// JPEG changes pixels a little, most beside edges: 9 at quality 90.
#[test]
fn photographs_are_read() {
    let picture = drawing(0, [64, 48]);
    let bytes = {
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
        grey(&picture).write_with_encoder(encoder).unwrap();
        bytes
    };
    let decoded = Picture::decode(&bytes).unwrap();
    assert_eq!(decoded.size(), [64, 48]);
    let pairs = decoded.pixels().iter().zip(picture.pixels());
    let worst = pairs.map(|(&a, &b)| a.abs_diff(b)).max();
    assert!(worst <= Some(16), "{worst:?}");
}

#[test]
fn a_drawing_may_lie_anywhere_and_be_light_or_dark() {
    for class in 0..3 {
        let picture = drawing(class, [90, 90]);
        let expected = picture.prepared([28, 28]).unwrap();
        let inverted = picture.pixels().iter().map(|&grey| 255 - grey).collect();
        let inverted = Picture::new([90, 90], inverted).unwrap();
        assert_eq!(inverted.prepared([28, 28]).unwrap(), expected);
        // Pencil on grey paper, in the corner of a page.
        let mut page = GrayImage::from_pixel(300, 200, Luma([180]));
        for (x, y, pixel) in grey(&picture).enumerate_pixels() {
            let pencil = 80 + (u32::from(pixel[0]) * 100 / 255) as u8;
            page.put_pixel(x + 201, y + 9, Luma([pencil]));
        }
        let page = Picture::new([200, 300], page.into_raw()).unwrap();
        assert_eq!(page.prepared([28, 28]).unwrap(), expected);
    }
}

/// A hundred times as many pixels, and the classifier sees the same but for the shades of round edges, 4 %
/// of the ink.
#[test]
fn a_drawing_may_be_of_any_size() {
    for class in 0..3 {
        let small = drawing(class, [60, 60]).prepared([28, 28]).unwrap();
        let large = drawing(class, [600, 600]).prepared([28, 28]).unwrap();
        let sum = |seen: &[u8]| seen.iter().map(|&ink| f64::from(ink)).sum::<f64>();
        let difference: Vec<u8> = small
            .iter()
            .zip(&large)
            .map(|(a, b)| a.abs_diff(*b))
            .collect();
        assert!(sum(&difference) <= 0.06 * sum(&large), "class {class}");
    }
}

#[test]
fn a_drawing_fills_twenty_of_twenty_eight_pixels_around_its_centre_of_mass() {
    // A T: its mass is above the middle of its box.
    let mut pixels = vec![255; 50 * 50];
    for row in 5..45 {
        for column in 0..50 {
            let is_ink = row < 13 && (5..45).contains(&column) || (21..29).contains(&column);
            pixels[row * 50 + column] = if is_ink { 20 } else { 255 };
        }
    }
    let seen = Picture::new([50, 50], pixels)
        .unwrap()
        .prepared([28, 28])
        .unwrap();
    let is_row = |row: usize| seen[row * 28..][..28].iter().any(|&ink| ink > 0);
    let is_column = |column: usize| seen.iter().skip(column).step_by(28).any(|&ink| ink > 0);
    let rows: Vec<usize> = (0..28).filter(|&row| is_row(row)).collect();
    let columns: Vec<usize> = (0..28).filter(|&column| is_column(column)).collect();
    assert_eq!(columns, (4..24).collect::<Vec<_>>());
    // Mass: 20 x 4 at 2, 16 x 4 at 12, of 20 rows; 14 - 6.4 is 7.6.
    assert_eq!(rows, (8..28).collect::<Vec<_>>());
}

/// As in all images of MNIST, rows and columns counted from the edge, not from the first pixel's centre.
#[test]
fn the_centre_of_mass_lies_in_the_middle_pixel() {
    for foot in 1..30 {
        // An L on a sheet of 60 x 60 pixels.
        let ink = |row: usize, column: usize| {
            (10..50).contains(&row) && (12..18).contains(&column)
                || (44..50).contains(&row) && (12..18 + foot).contains(&column)
        };
        let pixels = (0..3600).map(|index| if ink(index / 60, index % 60) { 0 } else { 255 });
        let sheet = Picture::new([60, 60], pixels.collect()).unwrap();
        let seen = sheet.prepared([28, 28]).unwrap();
        let mass: f64 = seen.iter().map(|&ink| f64::from(ink)).sum();
        let mean = |place: fn(usize) -> usize| {
            let moments = seen.iter().enumerate();
            let moments = moments.map(|(index, &ink)| f64::from(ink) * (place(index) as f64 + 0.5));
            moments.sum::<f64>() / mass
        };
        let centre = [mean(|index| index / 28), mean(|index| index % 28)];
        for place in centre {
            assert!((14.0..15.0).contains(&place), "{foot}: {centre:?}");
        }
    }
}

#[test]
fn a_single_pixel_can_be_seen_and_an_empty_sheet_cannot() {
    let mut pixels = vec![255; 9 * 7];
    pixels[3 * 7 + 2] = 0;
    let dot = Picture::new([9, 7], pixels)
        .unwrap()
        .prepared([28, 28])
        .unwrap();
    let n_ink = dot.iter().filter(|&&ink| ink == 255).count();
    assert_eq!(n_ink, 400);
    for grey in [0, 100, 255] {
        let sheet = Picture::new([9, 7], vec![grey; 63]).unwrap();
        let error = sheet.prepared([28, 28]).unwrap_err().to_string();
        assert!(error.contains("nothing drawn"), "{error}");
    }
}

/// A few bytes that promise gigabytes are refused before they are decoded.
#[test]
fn what_is_too_large_is_refused() {
    let message = |bytes: &[u8]| Picture::decode(bytes).unwrap_err().to_string();
    for header in [
        "P5 60000 60000 255\n",
        "P5 16000 16000 255\n",
        "P2 99999999999 1 9\n",
    ] {
        let error = message(header.as_bytes());
        assert!(
            error.contains("too large") || error.contains("damaged"),
            "{error}"
        );
    }
    let mut png = encoded(&GrayImage::new(1, 1).into(), ImageFormat::Png);
    // Width and height of the header, and its checksum.
    png[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    let crc = crc32fast::hash(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&crc);
    let error = message(&png);
    assert!(error.contains("too large"), "{error}");
}
