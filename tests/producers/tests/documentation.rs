//! The page on these programs names them all.

use std::fs;
use std::path::Path;

use producers::text;

#[test]
fn the_page_names_all_programs() {
    let page = text("../../docs/producers.md");
    let mut count = 0;
    for folder in ["nvcc", "nvrtc"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(path).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "cu") {
                let name = path.file_stem().expect("a name").to_string_lossy();
                assert!(page.contains(&format!("| `{name}` |")), "no row of {name}");
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count} programs");
}
