//! `sim`: runs a kernel of any PTX file in the simulator, and says what it found and counted.

mod argument;
mod element;
mod parameters;

use std::path::{Path, PathBuf};

use clap::Args;
use cpu::files::{self, Target};
use cpu::nn::random_generator;
use cpu::{Error, Result};
use ptx_sim::{
    AllocationKind, Arguments as Values, Checks, Device, Kernel, Launch, LaunchError, Options,
    Program, Properties, Report,
};

use self::argument::{Argument, Array, Out, Print, Value};
use self::parameters::Signature;
use super::arguments::Counters;
use super::output::print;

/// More than any compiler writes: what goes on longer is no PTX.
const MAX_PTX: u64 = 1 << 28;

/// What `--help` says below the options.
const HELP: &str = "\
Arguments are given in the order of the kernel's parameters and counted from 0:

  --arg u32:7                  a value: u8 to u64, s8 to s64, f16, bf16, f32, f64; also -1, 1e-3,
                               nan, or its bits, 0x3f800000
  --arg f32[1024]:random       the address of an array that holds zeros, ones, random (from -1 to
                               below 1, or 0 to 99), iota (0, 1, 2, ...), any value, the bytes of
                               a file (@FILE), or none: nothing, whose first read is found
  --arg bytes:0100000000000040 a struct, byte by byte

What the simulator finds is printed, and the exit code is 1 then. CUDA_SIM_WORKERS and \
CUDA_SIM_STEPS hold here too.";

/// What `sim` takes.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The PTX, as a compiler wrote it
    file: PathBuf,

    /// The kernel, or a part of its name that no other has [default: the only one]
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,

    /// List the kernels of the file with their parameters, and run none
    #[arg(long)]
    list: bool,

    /// Blocks along x, y and z
    #[arg(long, value_name = "X,Y,Z", default_value = "1", value_parser = size)]
    grid: [u32; 3],

    /// Threads of a block along x, y and z [default: what the kernel requires, else 1]
    #[arg(long, value_name = "X,Y,Z", value_parser = size)]
    block: Option<[u32; 3]>,

    /// Blocks of a cluster along x, y and z
    #[arg(long, value_name = "X,Y,Z", value_parser = size)]
    cluster: Option<[u32; 3]>,

    /// Launch all blocks at the same time, as the barrier of a grid needs it
    #[arg(long)]
    cooperative: bool,

    /// Bytes of shared memory beyond the kernel's own variables
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    shared: u32,

    /// An argument of the kernel, once for each parameter
    #[arg(long = "arg", value_name = "TYPE:VALUE", value_parser = Argument::parse)]
    args: Vec<Argument>,

    /// Print an array when the kernel has ended: its argument's number, and how many elements
    #[arg(long, value_name = "INDEX[:COUNT]", value_parser = Print::parse)]
    print: Vec<Print>,

    /// Write the bytes of an array to a file when the kernel has ended
    #[arg(long, value_name = "INDEX=FILE", value_parser = Out::parse)]
    out: Vec<Out>,

    /// Where random values and the order of threads begin; blocks then run one by one
    /// [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// What to look for: all, none, or a list such as all,-global_races
    #[arg(long, value_name = "LIST", value_parser = Checks::from_list)]
    checks: Option<Checks>,

    /// The device to be: t4, a100, rtx3090, rtx4090, h100, h200, b200, rtx5090 [default: h100]
    #[arg(long, value_name = "NAME", value_parser = properties)]
    sim_device: Option<Properties>,

    #[command(flatten)]
    counters: Counters,
}

fn size(text: &str) -> Result<[u32; 3], String> {
    let mut size = [1; 3];
    let parts: Vec<_> = text.split(',').collect();
    if parts.len() > size.len() {
        return Err("expected up to three numbers".to_owned());
    }
    for (size, part) in size.iter_mut().zip(parts) {
        let number = part.parse().ok().filter(|&number: &u32| number > 0);
        *size = number.ok_or("expected whole numbers from 1, such as 4 or 4,2,1")?;
    }
    Ok(size)
}

fn properties(name: &str) -> Result<Properties, String> {
    Properties::by_name(name)
        .ok_or_else(|| format!("expected one of {}", Properties::names().join(", ")))
}

/// Runs the kernel.
pub fn run(arguments: &Arguments) -> Result<()> {
    let path = arguments.file.display();
    let cannot_read =
        |error: &dyn std::error::Error| Error::Input(format!("{path} cannot be read: {error}"));
    let bytes = files::read(&arguments.file, MAX_PTX).map_err(|error| cannot_read(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| cannot_read(&error))?;
    let signatures =
        Signature::all(&text).map_err(|error| Error::Input(format!("{path}: {error}")))?;
    if arguments.list {
        return signatures.iter().try_for_each(print);
    }
    let signature = choose(arguments, &signatures)?;
    signature.check(&arguments.args)?;
    for index in arguments.print.iter().map(|print| print.index) {
        array(arguments, index, "--print")?;
    }
    let mut outs = Vec::new();
    for Out { index, file } in &arguments.out {
        let array = array(arguments, *index, "--out")?;
        outs.push((*index, array, Target::new("--out", file)?));
    }

    let device = Device::new(options(arguments)?);
    let program = device
        .load(&text)
        .map_err(|error| Error::Input(format!("{path}: {error}")))?;
    let kernel = find(&program, &signature.name)?;
    let run = Run::new(arguments, &device, kernel)?;
    let fault = run.launch()?;
    if fault.is_none() {
        run.results(&outs)?;
    }
    let mut reports = device.reports();
    reports.extend(fault.map(|report| *report));
    for report in &reports {
        print(format_args!("\n{report}"))?;
    }
    // The parent of a bare name is empty, which is no folder.
    let folder = arguments
        .file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    arguments.counters.write(folder, || device.profile())?;
    match reports.iter().map(|report| report.count).sum::<u64>() {
        0 => Ok(()),
        1 => Err(Error::Device(
            "the simulator found an error, which is printed above".to_owned(),
        )),
        count => Err(Error::Device(format!(
            "the simulator found {count} errors, which are printed above"
        ))),
    }
}

/// The kernel that is meant.
fn choose<'a>(arguments: &Arguments, signatures: &'a [Signature]) -> Result<&'a Signature> {
    let path = arguments.file.display();
    let list = || {
        let names: Vec<_> = signatures
            .iter()
            .map(|kernel| kernel.name.as_str())
            .collect();
        names.join(", ")
    };
    let found: Vec<_> = match &arguments.kernel {
        None => signatures.iter().collect(),
        Some(name) => match signatures.iter().find(|kernel| kernel.name == *name) {
            Some(kernel) => return Ok(kernel),
            None => signatures
                .iter()
                .filter(|kernel| kernel.name.contains(name))
                .collect(),
        },
    };
    let error = match (&found[..], &arguments.kernel) {
        ([kernel], _) => return Ok(kernel),
        _ if signatures.is_empty() => format!("{path} has no kernel: no .entry is in it"),
        ([], Some(name)) => format!("{path} has no kernel {name}; it has {}", list()),
        (_, Some(name)) => format!(
            "{path} has several kernels whose names contain {name}: {}",
            list()
        ),
        (_, None) => format!(
            "{path} has several kernels; --kernel chooses one of {}",
            list()
        ),
    };
    Err(Error::Input(error))
}

fn find<'p>(program: &'p Program, name: &str) -> Result<&'p Kernel> {
    let kernel = program.kernel(name).map(AsRef::as_ref);
    kernel.ok_or_else(|| Error::Input(format!("the kernel {name} has no body")))
}

/// The array that an argument is.
fn array<'a>(arguments: &'a Arguments, index: usize, flag: &str) -> Result<&'a Array> {
    match arguments.args.get(index).map(|argument| &argument.value) {
        Some(Value::Array(array)) => Ok(array),
        Some(_) => Err(Error::Input(format!(
            "{flag} {index}: argument {index}, {}, is no array",
            arguments.args[index]
        ))),
        None => Err(Error::Input(format!(
            "{flag} {index}: there is no argument {index}; the first is 0, and {} are given",
            arguments.args.len()
        ))),
    }
}

fn options(arguments: &Arguments) -> Result<Options> {
    let mut options = Options::from_env().map_err(Error::Input)?;
    if let Some(seed) = arguments.seed {
        options.seed = seed;
        options.workers = 1;
    }
    if let Some(checks) = arguments.checks {
        options.checks = checks;
    }
    if let Some(properties) = &arguments.sim_device {
        options.properties = properties.clone();
    }
    options.profile |= arguments.counters.are_asked_for();
    Ok(options)
}

/// A kernel with its arguments in place.
struct Run<'a> {
    arguments: &'a Arguments,
    device: &'a Device,
    kernel: &'a Kernel,
    /// What is passed for each parameter; of an array, its address.
    values: Vec<Vec<u8>>,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a Arguments, device: &'a Device, kernel: &'a Kernel) -> Result<Self> {
        let mut random = random_generator(device.options().seed);
        let memory = device.memory();
        let mut values = Vec::new();
        for (index, argument) in arguments.args.iter().enumerate() {
            values.push(match &argument.value {
                Value::Scalar { bytes, .. } | Value::Bytes(bytes) => bytes.clone(),
                Value::Array(array) => {
                    let contents = array.contents(&mut random)?;
                    let failed =
                        |error| Error::Input(format!("argument {index}, {argument}: {error}"));
                    let address = memory
                        .allocate(array.bytes() as u64, 256, AllocationKind::Device)
                        .map_err(failed)?;
                    if let Some(contents) = contents {
                        memory.write(address, &contents).map_err(failed)?;
                    }
                    address.to_le_bytes().to_vec()
                }
            });
        }
        Ok(Self {
            arguments,
            device,
            kernel,
            values,
        })
    }

    /// Runs the kernel; returns what ended it if that was a fault.
    fn launch(&self) -> Result<Option<Box<Report>>> {
        let arguments = self.arguments;
        let values: Vec<_> = self.values.iter().map(Vec::as_slice).collect();
        let launch = Launch {
            grid: arguments.grid,
            block: arguments
                .block
                .or(self.kernel.required_block())
                .unwrap_or([1; 3]),
            cluster: arguments.cluster,
            cooperative: arguments.cooperative,
            dynamic_shared: arguments.shared,
            arguments: Values::Values(&values),
            ..Launch::default()
        };
        match self.device.launch(self.kernel, &launch) {
            Ok(summary) => {
                let by = |[x, y, z]: [u32; 3]| format!("{x} x {y} x {z}");
                print(format_args!(
                    "{} on {}: {} blocks of {} threads, {} instructions of warps in {:.1} ms",
                    self.kernel.name(),
                    self.device.options().properties.name,
                    by(launch.grid),
                    by(launch.block),
                    summary.steps,
                    1e3 * summary.time.as_secs_f64()
                ))?;
                Ok(None)
            }
            Err(LaunchError::Fault(report)) => Ok(Some(report)),
            Err(error) => Err(Error::Input(error.to_string())),
        }
    }

    /// What an array holds now.
    fn download(&self, index: usize, array: &Array) -> Result<Vec<u8>> {
        let address = self.values[index]
            .as_slice()
            .try_into()
            .expect("an address has 8 bytes");
        let mut bytes = vec![0; array.bytes()];
        let read = self
            .device
            .memory()
            .read(u64::from_le_bytes(address), &mut bytes);
        read.map_err(|error| Error::Device(format!("argument {index}: {error}")))?;
        Ok(bytes)
    }

    /// Prints and writes what was asked for.
    fn results(&self, outs: &[(usize, &Array, Target)]) -> Result<()> {
        const PER_LINE: usize = 8;
        for &Print { index, count } in &self.arguments.print {
            let array = array(self.arguments, index, "--print")?;
            let element = array.element;
            let bytes = self.download(index, array)?;
            print(format_args!(
                "\nargument {index}, {element}[{}]",
                array.count
            ))?;
            let texts: Vec<_> = bytes
                .chunks(element.size())
                .take(count)
                .map(|bytes| element.format(bytes))
                .collect();
            let width = texts.iter().map(String::len).max().unwrap_or(0);
            for (line, texts) in texts.chunks(PER_LINE).enumerate() {
                let row = texts
                    .iter()
                    .fold(format!("{:>8}:", line * PER_LINE), |row, text| {
                        row + &format!(" {text:>width$}")
                    });
                print(row)?;
            }
        }
        for (index, array, target) in outs {
            target.replace(&self.download(*index, array)?)?;
        }
        Ok(())
    }
}
