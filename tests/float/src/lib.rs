//! Maps arrays by the kernels of `kernels/` in the simulator, with all checks on; and the arrays.

use ptx_sim::{AllocationKind, Arguments, Checks, Device, Launch, Options, Program};

/// The PTX; empty if the build found neither a compiler nor PTX that fits the sources.
static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/float_kernels_ptx.rs"));

/// A device with the kernels.
pub struct Kernels {
    device: Device,
    program: Program,
}

impl Kernels {
    /// Loads the kernels.
    ///
    /// # Panics
    ///
    /// If the build has no PTX of them.
    pub fn load() -> Kernels {
        let device = Device::new(Options {
            checks: Checks::ALL,
            workers: 1,
            ..Options::default()
        });
        let [(_, ptx)] = PTX else {
            panic!("this build has no PTX of the kernels: `cargo xtask ptx` makes it");
        };
        let program = device.load(ptx).unwrap_or_else(|error| panic!("{error}"));
        Kernels { device, program }
    }

    /// What the family's function of this number makes of the arrays, with so many threads in a block.
    ///
    /// # Errors
    ///
    /// What the simulator reports.
    ///
    /// # Panics
    ///
    /// If the family is not there.
    pub fn map(
        &self,
        family: &str,
        number: u32,
        inputs: &[Vec<u64>; 3],
        threads: u32,
    ) -> Result<Vec<[u64; 2]>, String> {
        let memory = self.device.memory();
        let len = inputs[0].len();
        let allocate = |words: usize| {
            let address = memory.allocate(8 * words as u64, 256, AllocationKind::Device);
            address.expect("the device has memory")
        };
        let mut values = vec![number.to_le_bytes().to_vec()];
        let mut addresses = Vec::new();
        let mut slice = |address: u64| {
            addresses.push(address);
            values.push(address.to_le_bytes().to_vec());
            values.push((len as u64).to_le_bytes().to_vec());
        };
        for input in inputs {
            let address = allocate(len);
            let bytes: Vec<u8> = input.iter().flat_map(|word| word.to_le_bytes()).collect();
            memory.write(address, &bytes).expect("the words fit");
            slice(address);
        }
        let results = allocate(2 * len);
        slice(results);

        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let kernel = self
            .program
            .kernel(family)
            .expect("the family has a kernel");
        let launch = Launch {
            grid: [(len as u32).div_ceil(threads), 1, 1],
            block: [threads, 1, 1],
            arguments: Arguments::Values(&values),
            ..Launch::default()
        };
        let launched = self.device.launch(kernel, &launch);
        launched.map_err(|error| error.to_string())?;
        let mut bytes = vec![0; 16 * len];
        memory.read(results, &mut bytes).expect("it is there");
        for address in addresses {
            memory.free(address).expect("it was allocated");
        }
        if let Some(report) = self.device.reports().first() {
            return Err(report.to_string());
        }
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let pairs = bytes.chunks_exact(16);
        Ok(pairs
            .map(|pair| [word(&pair[..8]), word(&pair[8..])])
            .collect())
    }
}

/// Pseudo-random words: SplitMix64, from D. Lea et al. (2014), whose state is a counter.
pub fn random(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Numbers of every kind, as the bits of `f32`.
pub fn singles() -> Vec<u64> {
    let special = [
        0.0,
        1.0,
        0.5,
        0.25,
        1.5,
        2.0,
        2.5,
        3.0,
        10.0,
        0.92,
        1e-45,
        1e-38,
        1.2e-38,
        88.72,
        103.9,
        65536.5,
        8388609.5,
        2e9,
        4e9,
        1e19,
        3.4e38,
        f32::INFINITY,
        f32::NAN,
        0.999_999_94,
        1.000_000_1,
    ];
    let signs = [1.0, -1.0];
    let special = special.iter().flat_map(|x| signs.map(|sign| x * sign));
    // Any bits; moderate numbers; numbers below 1.
    let any = (0..150).map(|i| f32::from_bits(random(i) as u32));
    let moderate = (150..230).map(|i| (random(i) as i32) as f32 * 2f32.powi(-26));
    let small = (230..320).map(|i| (random(i) as i32) as f32 * 2f32.powi(-31));
    let all = special.chain(any).chain(moderate).chain(small);
    all.map(|x| x.to_bits().into()).collect()
}

/// Numbers of every kind, as the bits of `f64`.
pub fn doubles() -> Vec<u64> {
    let special = [
        0.0,
        1.0,
        0.5,
        0.25,
        1.5,
        2.0,
        2.5,
        3.0,
        10.0,
        0.92,
        5e-324,
        2.2e-308,
        2.3e-308,
        709.7,
        745.2,
        1e9 + 0.5,
        4.6e15 + 0.5,
        2e9,
        5e9,
        9.3e18,
        1.9e19,
        3.4e38,
        1.7e308,
        f64::INFINITY,
        f64::NAN,
        1.0 - 1.2e-16,
        1.0 + 2.3e-16,
    ];
    let signs = [1.0, -1.0];
    let special = special.iter().flat_map(|x| signs.map(|sign| x * sign));
    let any = (0..120).map(|i| f64::from_bits(random(i)));
    let moderate = (120..240).map(|i| (random(i) as i64) as f64 * 2f64.powi(-58));
    let small = (240..330).map(|i| (random(i) as i64) as f64 * 2f64.powi(-63));
    // What fits into an f32 with one bit more or less.
    let near_single =
        (330..350).map(|i| f64::from(random(i) as u32 as f32) + (i % 3) as f64 * 1e-7);
    let all = special
        .chain(any)
        .chain(moderate)
        .chain(small)
        .chain(near_single);
    all.map(f64::to_bits).collect()
}

/// Integers of every size.
pub fn integers() -> Vec<u64> {
    let special = [
        0,
        1,
        2,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        1 << 63,
        (1 << 63) - 1,
        u64::MAX,
    ];
    let any = (0..300).map(|i| random(i) >> (i % 64));
    special.into_iter().chain(any).collect()
}

/// The array in another order: what was at `i` is at `7 i + shift`.
pub fn shuffled(words: &[u64], shift: usize) -> Vec<u64> {
    let mut result = words.to_vec();
    // A step that has no factor in common with the length meets every place once.
    let step = [7, 11, 13]
        .into_iter()
        .find(|&step| !words.len().is_multiple_of(step))
        .unwrap_or(1);
    for (i, &word) in words.iter().enumerate() {
        result[(step * i + shift) % words.len()] = word;
    }
    result
}
