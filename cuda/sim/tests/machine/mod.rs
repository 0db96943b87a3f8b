//! A simulated device with a program that nvcc has compiled, for the tests of such programs.

use bytemuck::{AnyBitPattern, NoUninit};
use ptx_sim::{
    AllocationKind, Arguments, Device, Launch, LaunchError, Options, Program, Properties,
};

/// A device with a program of nvcc's.
pub struct Machine {
    pub device: Device,
    pub program: Program,
}

/// What is launched: blocks, threads, bytes of shared memory.
pub type Shape = ([u32; 3], [u32; 3], u32);

/// Blocks and threads along x alone.
pub fn line(blocks: u32, threads: u32) -> Shape {
    ([blocks, 1, 1], [threads, 1, 1], 0)
}

impl Machine {
    /// A device of this name.
    pub fn new(name: &str, ptx: &str, seed: u64) -> Self {
        let device = Device::new(Options {
            properties: Properties::by_name(name).unwrap(),
            seed,
            workers: 2,
            ..Options::default()
        });
        let program = device.load(ptx).unwrap();
        Self { device, program }
    }

    pub fn upload<T: NoUninit>(&self, values: &[T]) -> u64 {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let memory = self.device.memory();
        let address = memory
            .allocate(bytes.len() as u64, 256, AllocationKind::Device)
            .unwrap();
        memory.write(address, bytes).unwrap();
        address
    }

    /// Memory that holds nothing yet.
    pub fn allocate<T>(&self, count: usize) -> u64 {
        let bytes = (count * size_of::<T>()) as u64;
        let memory = self.device.memory();
        memory.allocate(bytes, 256, AllocationKind::Device).unwrap()
    }

    pub fn download<T: AnyBitPattern>(&self, address: u64, count: usize) -> Vec<T> {
        let mut bytes = vec![0; count * size_of::<T>()];
        self.device.memory().read(address, &mut bytes).unwrap();
        bytes
            .chunks_exact(size_of::<T>())
            .map(bytemuck::pod_read_unaligned)
            .collect()
    }

    pub fn try_launch(
        &self,
        name: &str,
        shape: Shape,
        arguments: &[&[u8]],
    ) -> Result<(), LaunchError> {
        let (grid, block, dynamic_shared) = shape;
        let launch = Launch {
            grid,
            block,
            dynamic_shared,
            arguments: Arguments::Values(arguments),
            ..Launch::default()
        };
        let kernel = self.program.kernel(name).unwrap();
        self.device.launch(kernel, &launch).map(drop)
    }

    #[track_caller]
    pub fn launch(&self, name: &str, shape: Shape, arguments: &[&[u8]]) {
        if let Err(error) = self.try_launch(name, shape, arguments) {
            panic!("{error}");
        }
        assert_eq!(self.device.reports(), []);
    }
}

/// The values of a launch.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {
        &[$(&$value.to_le_bytes()),*]
    };
}

pub(crate) use arguments;
