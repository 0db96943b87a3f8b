//! Launches of kernels and of host functions.

use std::ffi::{c_uint, c_void};
use std::sync::Arc;

use cust_raw::CUhostFn;
use cust_raw::cudaError_enum::*;
use ptx_sim::{Arguments, Device, Kernel, Launch, LaunchError, LaunchSummary};

use super::argument::Handle;
use super::operation::{HostCall, Operation, refuse_launch};
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;

/// A kernel with everything that it is launched with.
#[derive(Clone)]
pub(crate) struct KernelLaunch {
    pub(crate) function: Handle,
    kernel: Arc<Kernel>,
    pub(crate) grid: [u32; 3],
    pub(crate) block: [u32; 3],
    pub(crate) cluster: Option<[u32; 3]>,
    non_portable_cluster: bool,
    pub(crate) dynamic_shared: u32,
    pub(crate) cooperative: bool,
    /// The parameters at their offsets.
    pub(crate) arguments: Vec<u8>,
}

impl KernelLaunch {
    fn launch(&self) -> Launch<'_> {
        Launch {
            grid: self.grid,
            block: self.block,
            cluster: self.cluster,
            non_portable_cluster: self.non_portable_cluster,
            dynamic_shared: self.dynamic_shared,
            arguments: Arguments::Packed(&self.arguments),
            cooperative: self.cooperative,
        }
    }

    /// Runs the kernel to its end.
    pub(crate) fn run(&self, device: &Device) -> Result<LaunchSummary, LaunchError> {
        device.launch(&self.kernel, &self.launch())
    }

    /// The kernel's name.
    pub(crate) fn name(&self) -> &str {
        self.kernel.name()
    }

    /// The offsets of the parameters.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = usize> {
        self.kernel
            .parameters()
            .iter()
            .map(|parameter| parameter.offset)
    }
}

/// A launch as the caller describes it.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) function: Handle,
    pub(crate) grid: [u32; 3],
    pub(crate) block: [u32; 3],
    pub(crate) cluster: Option<[u32; 3]>,
    pub(crate) dynamic_shared: u32,
    pub(crate) cooperative: bool,
}

/// The keys of the array `extra`.
const END: usize = 0;
const BUFFER_POINTER: usize = 1;
const BUFFER_SIZE: usize = 2;

/// Copies the arguments of a kernel to their offsets.
///
/// # Safety
///
/// `parameters` is null or has a pointer to each parameter's value; `extra` is null or a list as
/// `cuLaunchKernel` takes it.
unsafe fn pack(
    kernel: &Kernel,
    parameters: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> Result<Vec<u8>, Refusal> {
    let name = kernel.name();
    let expected = kernel.parameter_bytes();
    let invalid = |sentence: String| Err(refuse(CUDA_ERROR_INVALID_VALUE, sentence));
    if !parameters.is_null() && !extra.is_null() {
        return invalid(format!(
            "the launch of {name} has its arguments twice: as pointers and in `extra`"
        ));
    }
    if !extra.is_null() {
        // SAFETY: The caller vouches for the list.
        let buffer = unsafe { read_extra(extra) }?;
        // A struct of the parameters ends at a multiple of its alignment, the parameters do not.
        let alignments = kernel
            .parameters()
            .iter()
            .map(|parameter| parameter.alignment);
        let padded = expected.next_multiple_of(alignments.max().unwrap_or(1));
        if buffer.len() != expected && buffer.len() != padded {
            return invalid(format!(
                "the launch of {name}: the packed arguments have {} bytes, its {} parameters take \
                 {expected}",
                buffer.len(),
                kernel.parameters().len(),
            ));
        }
        return Ok(buffer[..expected].to_vec());
    }
    let mut packed = vec![0; expected];
    if kernel.parameters().is_empty() {
        return Ok(packed);
    }
    if parameters.is_null() {
        return invalid(format!(
            "the launch of {name} has no arguments, it takes {}",
            kernel.parameters().len()
        ));
    }
    for (index, parameter) in kernel.parameters().iter().enumerate() {
        // SAFETY: The caller vouches for a pointer to each value.
        let value = unsafe { parameters.add(index).read() };
        if value.is_null() {
            return invalid(format!(
                "the launch of {name}: the pointer to argument {} is null",
                index + 1
            ));
        }
        let target = &mut packed[parameter.offset..][..parameter.size];
        // SAFETY: The value is as large as its parameter, by the caller; `target` is too.
        unsafe { target.as_mut_ptr().copy_from(value.cast(), parameter.size) };
    }
    Ok(packed)
}

/// Reads the buffer that the list `extra` names.
///
/// # Safety
///
/// It is a list as `cuLaunchKernel` takes it.
unsafe fn read_extra(extra: *mut *mut c_void) -> Result<Vec<u8>, Refusal> {
    let mut buffer = std::ptr::null_mut();
    let mut size = 0;
    for index in (0..).step_by(2) {
        // SAFETY: The list goes on until its end mark.
        let key = unsafe { extra.add(index).read() }.addr();
        if key == END {
            break;
        }
        // SAFETY: A value follows each key but the last.
        let value = unsafe { extra.add(index + 1).read() };
        match key {
            BUFFER_POINTER => buffer = value.cast::<u8>(),
            // SAFETY: By the caller, the value of this key points to a number.
            BUFFER_SIZE if !value.is_null() => size = unsafe { value.cast::<usize>().read() },
            _ => {
                return Err(refuse(
                    CUDA_ERROR_INVALID_VALUE,
                    format!("`extra` has the key {key:#x}, which is none"),
                ));
            }
        }
    }
    if buffer.is_null() && size > 0 {
        return Err(refuse(CUDA_ERROR_INVALID_VALUE, "`extra` names no buffer"));
    }
    let mut bytes = vec![0; size];
    if size > 0 {
        // SAFETY: The buffer has as many bytes as the list says.
        unsafe { bytes.as_mut_ptr().copy_from(buffer, size) };
    }
    Ok(bytes)
}

impl Session {
    /// Makes a launch of a request, with its arguments copied.
    ///
    /// # Errors
    ///
    /// The device refuses it, or the arguments do not match the parameters.
    ///
    /// # Safety
    ///
    /// The pointers are as `cuLaunchKernel` wants them.
    pub(crate) unsafe fn prepare(
        &self,
        request: Request,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> Result<KernelLaunch, Refusal> {
        let kernel = &self.function(request.function)?.kernel;
        // SAFETY: The caller's duty is the same.
        let arguments = unsafe { pack(kernel, parameters, extra) }?;
        self.prepare_packed(request, arguments)
    }

    /// As [`Session::prepare`], of arguments that are packed already.
    pub(crate) fn prepare_packed(
        &self,
        request: Request,
        arguments: Vec<u8>,
    ) -> Result<KernelLaunch, Refusal> {
        let function = self.function(request.function)?;
        let launch = KernelLaunch {
            function: request.function,
            kernel: function.kernel.clone(),
            grid: request.grid,
            block: request.block,
            cluster: request.cluster,
            non_portable_cluster: function.non_portable_cluster,
            dynamic_shared: request.dynamic_shared,
            cooperative: request.cooperative,
            arguments,
        };
        let name = function.kernel.name();
        if request.dynamic_shared > function.max_dynamic_shared {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!(
                    "the launch of {name}: {} bytes of dynamic shared memory, and {} are allowed; \
                     cuFuncSetAttribute allows more",
                    request.dynamic_shared, function.max_dynamic_shared
                ),
            ));
        }
        self.device()
            .check_launch(
                &function.kernel,
                &Launch {
                    cooperative: false,
                    ..launch.launch()
                },
            )
            .map_err(refuse_launch)?;
        if request.cooperative {
            self.check_cooperative(&request, name)?;
        }
        Ok(launch)
    }

    /// Whether all blocks of a cooperative launch run at a time.
    fn check_cooperative(&self, request: &Request, name: &str) -> Answer {
        // How many registers a GPU's assembler would give the kernel is an estimate, by which no
        // launch is refused: at least one block runs on a multiprocessor.
        let threads = request.block.iter().product();
        let shared = u64::from(request.dynamic_shared);
        let resident = self
            .resident_blocks(request.function, threads, shared)?
            .max(1);
        let multiprocessors = self.device().options().properties.multiprocessors;
        let at_once = u64::from(resident) * u64::from(multiprocessors);
        let blocks: u64 = request.grid.iter().map(|&size| u64::from(size)).product();
        if blocks > at_once {
            return Err(refuse(
                CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
                format!("the launch of {name}: {blocks} blocks, and {at_once} run at a time"),
            ));
        }
        Ok(())
    }

    /// Gives a kernel to a stream of the function's context.
    pub(crate) fn launch(&mut self, stream: Handle, launch: KernelLaunch) -> Answer {
        let function = self.function(launch.function)?.context;
        if self.stream(stream)?.context != function {
            return Err(CUDA_ERROR_INVALID_HANDLE.into());
        }
        self.submit(stream, Operation::Kernel(launch))
    }
}

/// `cuLaunchKernel`
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn kernel(
    session: &mut Session,
    function: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    dynamic_shared: c_uint,
    stream: Handle,
    parameters: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> Answer {
    let function = session.resolve(function)?;
    let request = Request {
        function,
        grid: [grid_x, grid_y, grid_z],
        block: [block_x, block_y, block_z],
        cluster: session.cluster_of(function, None)?,
        dynamic_shared,
        cooperative: false,
    };
    // SAFETY: The contract of the driver's function is the same.
    let launch = unsafe { session.prepare(request, parameters, extra) }?;
    session.launch(stream, launch)
}

/// `cuLaunchCooperativeKernel`
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn cooperative_kernel(
    session: &mut Session,
    function: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    dynamic_shared: c_uint,
    stream: Handle,
    parameters: *mut *mut c_void,
) -> Answer {
    let function = session.resolve(function)?;
    let request = Request {
        function,
        grid: [grid_x, grid_y, grid_z],
        block: [block_x, block_y, block_z],
        cluster: session.cluster_of(function, None)?,
        dynamic_shared,
        cooperative: true,
    };
    // SAFETY: The contract of the driver's function is the same.
    let launch = unsafe { session.prepare(request, parameters, std::ptr::null_mut()) }?;
    session.launch(stream, launch)
}

/// `cuLaunchHostFunc_v2`: how the device waits for the function is a hint.
pub(crate) fn host_function_with_mode(
    session: &mut Session,
    stream: Handle,
    function: CUhostFn,
    data: *mut c_void,
    mode: c_uint,
) -> Answer {
    if mode > 1 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    host_function(session, stream, function, data)
}

/// `cuLaunchHostFunc`
pub(crate) fn host_function(
    session: &mut Session,
    stream: Handle,
    function: CUhostFn,
    data: *mut c_void,
) -> Answer {
    let function = function.ok_or(CUDA_ERROR_INVALID_VALUE)?;
    let data = data.expose_provenance();
    session.submit(stream, Operation::Host(HostCall { function, data }))
}
