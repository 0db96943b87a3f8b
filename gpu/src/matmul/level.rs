//! How the levels are launched.

/// How a level is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Threads of a block along x and y.
    pub block: [u32; 2],
    /// Rows and columns of `c` that a block computes.
    pub tile: [u32; 2],
}

impl Level {
    /// Blocks along x and y for a `c` of `m` rows and `n` columns: x counts the tiles of a row.
    pub const fn grid(self, m: u32, n: u32) -> [u32; 2] {
        [n.div_ceil(self.tile[1]), m.div_ceil(self.tile[0])]
    }
}

/// Level 1.
pub const NAIVE: Level = Level {
    block: [32, 8],
    tile: [32, 8],
};

/// Level 2.
pub const COALESCED: Level = Level {
    block: [32, 8],
    tile: [8, 32],
};

/// Level 3.
pub const SHARED: Level = Level {
    block: [32, 32],
    tile: [32, 32],
};

/// Levels 4 to 6.
pub const REGISTERS: Level = Level {
    block: [16, 16],
    tile: [64, 64],
};
