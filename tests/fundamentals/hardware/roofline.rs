//! `roofline`.

use std::fs;

use cpu::fundamentals::hardware::machine::Speed;
use cpu::fundamentals::hardware::roofline::roof;

use crate::commands::run;

#[test]
fn the_roof_is_the_lower_of_both_limits() {
    let speed = Speed {
        bandwidth: 50e9,
        operations: 200e9,
    };
    assert_eq!(roof(speed, 0.5), 25e9);
    assert_eq!(roof(speed, 4.0), 200e9);
    assert_eq!(roof(speed, f64::INFINITY), 200e9);
}

#[test]
fn the_picture_has_a_point_for_each_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roofline.svg");
    let out = file.to_str().unwrap();
    let out = ["--device", "cpu", "--patience", "1", "--out", out];
    let arguments = [&["roofline", "--only", "pi,newton,dual"], &out[..]].concat();
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    // Newton's method times nothing.
    assert!(stdout.contains("are counted: newton\n"), "{stdout}");
    let svg = fs::read_to_string(&file).unwrap();
    for words in ["1  pi", "2  dual", "GB/s", "GFLOP/s"] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(!svg.contains("newton") && !svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn what_is_wrong_is_refused() {
    for (arguments, complaint) in [
        (["--only", "nothing"], "there is no such algorithm"),
        (["--only", "roofline"], "there is no such algorithm"),
        (["--out", "/nowhere/a.svg"], "--out"),
    ] {
        let (code, _, stderr) = run(&[&["roofline"], &arguments[..]].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(complaint), "{stderr}");
    }
}
