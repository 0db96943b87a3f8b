//! What learns from the columns of a CSV file: which of them is the target, and what is refused.

use crate::commands::run;

#[test]
fn the_last_of_the_columns_is_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let path = path.to_str().unwrap();
    // y = 2 a + 1, and so a = y / 2 - 1 / 2.
    std::fs::write(path, "y,other,a\n1,5,0\n3,-2,1\n5,8,2\n9,0,4\n").unwrap();
    for (columns, weight, bias) in [
        ("a,y", "2.000000", "1.000000"),
        ("y,3", "0.500000", "-0.500000"),
    ] {
        let arguments = ["linear-regression", "--csv", path, "--columns", columns];
        let (code, stdout, stderr) = run(&[&arguments[..], &["--device", "cpu"]].concat());
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        let number_of = |name: &str| {
            let line = stdout
                .lines()
                .find(|line| line.trim_start().starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1))
                .map(str::to_owned)
        };
        assert_eq!(number_of("1 ").as_deref(), Some(weight), "{stdout}");
        assert_eq!(number_of("bias").as_deref(), Some(bias), "{stdout}");
    }
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let path = path.to_str().unwrap();
    let separable = "0,0\n1,0\n2,1\n3,1\n";
    for (name, file, options, complaint) in [
        (
            "linear-regression",
            "1\n2\n",
            &[][..],
            "a table of 1 columns: expected 2 to",
        ),
        ("linear-regression", "1,2\n", &[], "at least 2 do"),
        (
            "linear-regression",
            "x,y\n1,nan\n",
            &[],
            "line 2, column y: expected a number",
        ),
        (
            "ridge",
            "1,2\n2,3\n",
            &["--penalty=-1"],
            "expected a number from 0 on",
        ),
        (
            "ridge",
            "1,2\n2,3\n",
            &["--penalty=nan"],
            "expected a number from 0 on",
        ),
        ("logistic-regression", separable, &[], "a plane separates"),
        (
            "logistic-regression",
            "0,1\n1,2\n",
            &[],
            "the target of sample 2 is 2",
        ),
        (
            "k-means",
            "1,2\n3,4\n",
            &["--clusters", "3"],
            "there are only 2 points",
        ),
        (
            "k-means",
            "1e300,2\n3,4\n",
            &["--clusters", "1"],
            "column 1: 1e300 is too large",
        ),
        (
            "nearest-neighbours",
            separable,
            &[],
            "--neighbours 5: there are 4 points",
        ),
        (
            "nearest-neighbours",
            separable,
            &["--neighbours", "33"],
            "--neighbours",
        ),
        ("nearest-neighbours", "1\n2\n", &[], "a table of one column"),
        ("pca", "1,2\n", &[], "1 point varies in no direction"),
    ] {
        std::fs::write(path, file).unwrap();
        let arguments = [&[name, "--csv", path, "--device", "cpu"][..], options].concat();
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains(complaint), "{arguments:?}: {stderr}");
    }
    // What a penalty decides, fewer distinct points than clusters, and one that has a single point.
    std::fs::write(path, separable).unwrap();
    for (name, options, found) in [
        (
            "logistic-regression",
            &["--penalty", "1"][..],
            "4 samples of 1 features",
        ),
        (
            "k-means",
            &["--clusters", "4", "--columns", "2"],
            "only 2 points are distinct",
        ),
        ("k-means", &["--clusters", "1"], "in 1 clusters"),
    ] {
        let arguments = [&[name, "--csv", path, "--device", "cpu"][..], options].concat();
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stdout}{stderr}");
        assert!(stdout.contains(found), "{arguments:?}: {stdout}");
    }
}
