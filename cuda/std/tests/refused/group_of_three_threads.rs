//! Tiles are cut by powers of two.

use cuda_std::groups::Tile;

fn main() {
    let _ = Tile::<3>::this();
}
