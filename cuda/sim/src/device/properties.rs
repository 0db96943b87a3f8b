//! What a device is: its size, its limits, its clocks. A table of the devices that can be had.
//!
//! The figures are NVIDIA's: the limits of a compute capability are those of the CUDA C++
//! Programming Guide ("Technical Specifications per Compute Capability"), the number of
//! multiprocessors, the memory and the boost clock those of the product's data sheet or of its
//! architecture's white paper.

/// The properties of one device, real or made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties {
    /// The product's name, as its driver has it.
    pub name: String,
    /// Major and minor number: (9, 0).
    pub compute_capability: (u32, u32),
    /// The number of multiprocessors.
    pub multiprocessors: u32,
    /// Bytes of global memory.
    pub total_memory: u64,
    /// The multiprocessors' highest clock, in kHz.
    pub clock_khz: u32,
    /// Bytes of shared memory that a block may have without asking for more.
    pub shared_per_block: u32,
    /// Bytes of shared memory that a block may have if its kernel asks for them.
    pub shared_per_block_opt_in: u32,
    /// Bytes of shared memory of a multiprocessor.
    pub shared_per_multiprocessor: u32,
    /// 32-bit registers that a block may have; a multiprocessor has as many.
    pub registers_per_block: u32,
    /// The most threads of a block.
    pub max_threads_per_block: u32,
    /// The most threads of a block along x, y and z.
    pub max_block: [u32; 3],
    /// The most blocks of a grid along x, y and z.
    pub max_grid: [u32; 3],
    /// The most threads that a multiprocessor holds at a time.
    pub max_threads_per_multiprocessor: u32,
    /// The most blocks that a multiprocessor holds at a time.
    pub max_blocks_per_multiprocessor: u32,
    /// The memory's clock, in kHz; two bits per line and clock.
    pub memory_clock_khz: u32,
    /// Lines of the memory's bus.
    pub memory_bus_bits: u32,
    /// Bytes of the second-level cache.
    pub l2_bytes: u32,
    /// Bytes of constant memory.
    pub constant_memory: u32,
}

/// The limits that all devices of one compute capability share.
struct Capability {
    number: (u32, u32),
    shared_per_block_opt_in: u32,
    shared_per_multiprocessor: u32,
    max_threads_per_multiprocessor: u32,
    max_blocks_per_multiprocessor: u32,
}

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Of a block's shared memory, what compute capabilities from 8.0 on keep for the system.
const RESERVED_SHARED: u32 = KIB;

const fn capability(number: (u32, u32), shared: u32, threads: u32, blocks: u32) -> Capability {
    let reserved = if number.0 >= 8 { RESERVED_SHARED } else { 0 };
    Capability {
        number,
        shared_per_block_opt_in: shared - reserved,
        shared_per_multiprocessor: shared,
        max_threads_per_multiprocessor: threads,
        max_blocks_per_multiprocessor: blocks,
    }
}

const TURING: Capability = capability((7, 5), 64 * KIB, 1024, 16);
const AMPERE: Capability = capability((8, 0), 164 * KIB, 2048, 32);
const AMPERE_GEFORCE: Capability = capability((8, 6), 100 * KIB, 1536, 16);
const ADA: Capability = capability((8, 9), 100 * KIB, 1536, 24);
const HOPPER: Capability = capability((9, 0), 228 * KIB, 2048, 32);
const BLACKWELL: Capability = capability((10, 0), 228 * KIB, 2048, 32);
const BLACKWELL_GEFORCE: Capability = capability((12, 0), 100 * KIB, 1536, 24);

/// One line of the table of devices.
struct Product {
    /// What it is asked for by.
    key: &'static str,
    name: &'static str,
    capability: &'static Capability,
    multiprocessors: u32,
    total_memory: u64,
    clock_mhz: u32,
    memory_clock_mhz: u32,
    memory_bus_bits: u32,
    l2_bytes: u32,
}

const PRODUCTS: &[Product] = &[
    Product {
        key: "t4",
        name: "Tesla T4",
        capability: &TURING,
        multiprocessors: 40,
        total_memory: 16 * GIB,
        clock_mhz: 1590,
        memory_clock_mhz: 5001,
        memory_bus_bits: 256,
        l2_bytes: 4 * MIB,
    },
    Product {
        key: "a100",
        name: "NVIDIA A100-SXM4-80GB",
        capability: &AMPERE,
        multiprocessors: 108,
        total_memory: 80 * GIB,
        clock_mhz: 1410,
        memory_clock_mhz: 1593,
        memory_bus_bits: 5120,
        l2_bytes: 40 * MIB,
    },
    Product {
        key: "rtx3090",
        name: "NVIDIA GeForce RTX 3090",
        capability: &AMPERE_GEFORCE,
        multiprocessors: 82,
        total_memory: 24 * GIB,
        clock_mhz: 1695,
        memory_clock_mhz: 9751,
        memory_bus_bits: 384,
        l2_bytes: 6 * MIB,
    },
    Product {
        key: "rtx4090",
        name: "NVIDIA GeForce RTX 4090",
        capability: &ADA,
        multiprocessors: 128,
        total_memory: 24 * GIB,
        clock_mhz: 2520,
        memory_clock_mhz: 10501,
        memory_bus_bits: 384,
        l2_bytes: 72 * MIB,
    },
    Product {
        key: "h100",
        name: "NVIDIA H100 80GB HBM3",
        capability: &HOPPER,
        multiprocessors: 132,
        total_memory: 80 * GIB,
        clock_mhz: 1980,
        memory_clock_mhz: 2619,
        memory_bus_bits: 5120,
        l2_bytes: 50 * MIB,
    },
    Product {
        key: "h200",
        name: "NVIDIA H200",
        capability: &HOPPER,
        multiprocessors: 132,
        total_memory: 141 * GIB,
        clock_mhz: 1980,
        memory_clock_mhz: 3201,
        memory_bus_bits: 6144,
        l2_bytes: 50 * MIB,
    },
    Product {
        key: "b200",
        name: "NVIDIA B200",
        capability: &BLACKWELL,
        multiprocessors: 148,
        total_memory: 180 * GIB,
        clock_mhz: 1965,
        memory_clock_mhz: 3996,
        memory_bus_bits: 8192,
        l2_bytes: 126 * MIB,
    },
    Product {
        key: "rtx5090",
        name: "NVIDIA GeForce RTX 5090",
        capability: &BLACKWELL_GEFORCE,
        multiprocessors: 170,
        total_memory: 32 * GIB,
        clock_mhz: 2407,
        memory_clock_mhz: 14001,
        memory_bus_bits: 512,
        l2_bytes: 96 * MIB,
    },
];

impl Product {
    fn properties(&self) -> Properties {
        let capability = self.capability;
        Properties {
            name: self.name.to_owned(),
            compute_capability: capability.number,
            multiprocessors: self.multiprocessors,
            total_memory: self.total_memory,
            clock_khz: self.clock_mhz * 1000,
            shared_per_block: 48 * KIB,
            shared_per_block_opt_in: capability.shared_per_block_opt_in,
            shared_per_multiprocessor: capability.shared_per_multiprocessor,
            registers_per_block: 64 * KIB,
            max_threads_per_block: 1024,
            max_block: [1024, 1024, 64],
            max_grid: [i32::MAX as u32, 65_535, 65_535],
            max_threads_per_multiprocessor: capability.max_threads_per_multiprocessor,
            max_blocks_per_multiprocessor: capability.max_blocks_per_multiprocessor,
            memory_clock_khz: self.memory_clock_mhz * 1000,
            memory_bus_bits: self.memory_bus_bits,
            l2_bytes: self.l2_bytes,
            constant_memory: 64 * KIB,
        }
    }
}

impl Properties {
    /// The default: an H100 with 80 GB on an SXM5 board.
    pub fn h100() -> Self {
        Self::by_name("h100").expect("the table has it")
    }

    /// A device of the table by one of [`Self::names`], in upper or lower case.
    pub fn by_name(name: &str) -> Option<Self> {
        PRODUCTS
            .iter()
            .find(|product| product.key.eq_ignore_ascii_case(name))
            .map(Product::properties)
    }

    /// The names that [`Self::by_name`] knows.
    pub fn names() -> &'static [&'static str] {
        const NAMES: &[&str] = &{
            let mut names = [""; PRODUCTS.len()];
            let mut index = 0;
            while index < names.len() {
                names[index] = PRODUCTS[index].key;
                index += 1;
            }
            names
        };
        NAMES
    }

    /// The compute capability as one number: 90 for 9.0.
    pub fn architecture(&self) -> u32 {
        let (major, minor) = self.compute_capability;
        major * 10 + minor
    }

    /// Bytes of shared memory that each block costs on top of its own.
    pub fn reserved_shared_per_block(&self) -> u32 {
        if self.compute_capability.0 >= 8 {
            RESERVED_SHARED
        } else {
            0
        }
    }
}

impl Default for Properties {
    fn default() -> Self {
        Self::h100()
    }
}

#[cfg(test)]
mod tests {
    use super::Properties;

    #[test]
    fn every_name_has_its_device() {
        for name in Properties::names() {
            let device = Properties::by_name(&name.to_uppercase()).expect("the name is listed");
            let whole_blocks = device.max_threads_per_multiprocessor / device.max_threads_per_block;
            assert!(whole_blocks >= 1, "{name}");
            assert_eq!(
                device.shared_per_block_opt_in + device.reserved_shared_per_block(),
                device.shared_per_multiprocessor,
                "{name}"
            );
        }
        assert_eq!(Properties::by_name("h1000"), None);
        assert_eq!(Properties::h100().architecture(), 90);
    }
}
