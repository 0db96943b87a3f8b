//! The special registers.

/// A special register.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Special {
    /// `%tid`, by its dimension.
    Thread(usize),
    /// `%ntid`
    BlockSize(usize),
    /// `%ctaid`
    Block(usize),
    /// `%nctaid`
    GridSize(usize),
    /// `%clusterid`
    Cluster(usize),
    /// `%nclusterid`
    ClusterCount(usize),
    /// `%cluster_ctaid`
    BlockInCluster(usize),
    /// `%cluster_nctaid`
    ClusterSize(usize),
    /// `%cluster_ctarank`
    ClusterRank,
    /// `%cluster_nctarank`
    ClusterBlocks,
    /// `%is_explicit_cluster`
    IsExplicitCluster,
    /// `%laneid`
    Lane,
    /// `%warpid`
    Warp,
    /// `%nwarpid`
    WarpCount,
    /// `%smid`
    Multiprocessor,
    /// `%nsmid`
    MultiprocessorCount,
    /// `%gridid`
    Grid,
    /// `%lanemask_eq`
    LaneMaskEqual,
    /// `%lanemask_lt`
    LaneMaskLess,
    /// `%lanemask_le`
    LaneMaskLessOrEqual,
    /// `%lanemask_gt`
    LaneMaskGreater,
    /// `%lanemask_ge`
    LaneMaskGreaterOrEqual,
    /// `%total_smem_size`
    TotalShared,
    /// `%aggr_smem_size`
    AggregateShared,
    /// `%dynamic_smem_size`
    DynamicShared,
    /// `%reserved_smem_offset_begin` and its companions: nothing is reserved.
    ReservedShared,
    /// `%clock`, `%clock_hi`, `%clock64`
    Clock,
    /// The upper half of the clock.
    ClockHigh,
    /// All of the clock.
    Clock64,
    /// `%globaltimer`, and its halves
    Timer,
    /// The lower half of the timer.
    TimerLow,
    /// The upper half of the timer.
    TimerHigh,
    /// `%envreg1` and `%envreg2`: the upper and the lower half of the address by which CUDA C++ finds
    /// the barrier of a cooperative grid.
    GridWorkspace(usize),
    /// `%pm0` to `%pm7` and the other `%envreg`: always 0 here.
    Zero,
}

impl Special {
    /// The register of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        use Special::*;
        let name = name.strip_prefix('%')?;
        if let Some((name, dimension)) = name.split_once('.') {
            let dimension = match dimension {
                "x" => 0,
                "y" => 1,
                "z" => 2,
                "w" => 3,
                _ => return None,
            };
            let vector = match name {
                "tid" => Thread,
                "ntid" => BlockSize,
                "ctaid" => Block,
                "nctaid" => GridSize,
                "clusterid" => Cluster,
                "nclusterid" => ClusterCount,
                "cluster_ctaid" => BlockInCluster,
                "cluster_nctaid" => ClusterSize,
                _ => return None,
            };
            // The fourth element of these vectors is always 0.
            return Some(if dimension == 3 {
                Zero
            } else {
                vector(dimension)
            });
        }
        Some(match name {
            "laneid" => Lane,
            "warpid" => Warp,
            "nwarpid" => WarpCount,
            "smid" => Multiprocessor,
            "nsmid" => MultiprocessorCount,
            "gridid" => Grid,
            "cluster_ctarank" => ClusterRank,
            "cluster_nctarank" => ClusterBlocks,
            "is_explicit_cluster" => IsExplicitCluster,
            "lanemask_eq" => LaneMaskEqual,
            "lanemask_lt" => LaneMaskLess,
            "lanemask_le" => LaneMaskLessOrEqual,
            "lanemask_gt" => LaneMaskGreater,
            "lanemask_ge" => LaneMaskGreaterOrEqual,
            "total_smem_size" => TotalShared,
            "aggr_smem_size" => AggregateShared,
            "dynamic_smem_size" => DynamicShared,
            "reserved_smem_offset_begin"
            | "reserved_smem_offset_end"
            | "reserved_smem_offset_cap"
            | "reserved_smem_offset_0"
            | "reserved_smem_offset_1" => ReservedShared,
            "clock" => Clock,
            "clock_hi" => ClockHigh,
            "clock64" => Clock64,
            "globaltimer" => Timer,
            "globaltimer_lo" => TimerLow,
            "globaltimer_hi" => TimerHigh,
            "envreg1" => GridWorkspace(1),
            "envreg2" => GridWorkspace(0),
            _ => {
                let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
                let known =
                    number("envreg").is_some_and(|n| n < 32) || number("pm").is_some_and(|n| n < 8);
                return known.then_some(Zero);
            }
        })
    }

    /// Whether reading it twice may give two values: then only `mov` reads it.
    pub(crate) fn changes(self) -> bool {
        use Special::*;
        matches!(
            self,
            Clock | ClockHigh | Clock64 | Timer | TimerLow | TimerHigh
        )
    }

    /// Whether it has 64 bits.
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Special::Clock64 | Special::Timer | Special::Grid)
    }
}
