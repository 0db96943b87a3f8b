//! Modules: PTX, loaded from memory or a file, and what is in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{c_uint, c_void};
use std::time::Instant;

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdeviceptr, CUfunction, CUjit_option, CUmodule};
use ptx_sim::{LoadError, Program};

use super::argument::{Handle, In, Out, Text};
use super::function::Function;
use super::image;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::find;

/// A module.
pub(crate) struct Module {
    pub(crate) context: Handle,
    program: Program,
    /// The functions that were asked for, by name.
    functions: BTreeMap<String, Handle>,
}

/// What the compiler of PTX was asked for: buffers for what it has to say.
#[derive(Default)]
pub(crate) struct JitOptions {
    error_log: Option<LogBuffer>,
    info_log: Option<LogBuffer>,
    /// Where the time of the compilation goes, in milliseconds, as a float in a pointer's place.
    wall_time: Option<*mut *mut c_void>,
}

/// A buffer of the caller.
struct LogBuffer {
    start: *mut u8,
    /// Where the caller has the buffer's size, which becomes the number of bytes written.
    size: *mut *mut c_void,
}

impl JitOptions {
    /// Finds the buffers among options and their values.
    ///
    /// # Safety
    ///
    /// There are `count` options, and a value at the index of each buffer's and size's; buffers
    /// are as large as the sizes say.
    pub(crate) unsafe fn read(
        count: c_uint,
        options: Option<In<CUjit_option>>,
        values: *mut *mut c_void,
    ) -> Self {
        let mut read = Self::default();
        let Some(options) = options.filter(|_| !values.is_null()) else {
            return read;
        };
        // SAFETY: The caller vouches for the options, which are read as their numbers.
        let options = unsafe { options.array::<u32>(count as usize) };
        let place = |option: CUjit_option| {
            let index = options.iter().position(|&other| other == option as u32)?;
            // SAFETY: The caller vouches for a value at this index.
            Some(unsafe { values.add(index) })
        };
        let buffer = |start, size| {
            // SAFETY: As above.
            let start = unsafe { place(start)?.read() }.cast::<u8>();
            let size = place(size)?;
            (!start.is_null()).then_some(LogBuffer { start, size })
        };
        use cust_raw::CUjit_option_enum::*;
        read.error_log = buffer(CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
        read.info_log = buffer(CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES);
        read.wall_time = place(CU_JIT_WALL_TIME);
        read
    }
}

impl LogBuffer {
    /// Writes as much of a text as fits, with a zero byte, and how much that is.
    ///
    /// # Safety
    ///
    /// The buffer is still there, as large as its size says.
    unsafe fn write(&self, text: &str) {
        // SAFETY: The caller vouches for the buffer and its size, which is a number in the place of
        // a pointer.
        unsafe {
            let capacity = self.size.read().addr() as u32 as usize;
            let length = text.len().min(capacity.saturating_sub(1));
            if capacity > 0 {
                self.start.copy_from(text.as_ptr(), length);
                self.start.add(length).write(0);
            }
            self.size.write(std::ptr::without_provenance_mut(length));
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        let code = match error {
            LoadError::Memory { .. } => CUDA_ERROR_OUT_OF_MEMORY,
            _ => CUDA_ERROR_INVALID_PTX,
        };
        refuse(code, error.to_string())
    }
}

impl Session {
    /// Loads a module's text.
    fn load(&mut self, text: &str, options: &JitOptions) -> Result<Handle, Refusal> {
        let context = self.current()?;
        self.refuse_in_capture(context)?;
        let started = Instant::now();
        let loaded = self.device().load(text);
        // SAFETY: The options are of this call, whose caller vouches for their buffers.
        unsafe {
            if let Some(time) = options.wall_time {
                let milliseconds = started.elapsed().as_secs_f32() * 1000.0;
                time.cast::<f32>().write(milliseconds);
            }
            if let Some(log) = &options.info_log {
                log.write("");
            }
            if let Some(log) = &options.error_log {
                let said = loaded.as_ref().err().map(ToString::to_string);
                log.write(&said.unwrap_or_default());
            }
        }
        let program = loaded?;
        let handle = self.new_handle();
        let module = Module {
            context,
            program,
            functions: BTreeMap::new(),
        };
        self.modules.insert(handle, module);
        Ok(handle)
    }

    /// Loads an image in memory.
    ///
    /// # Safety
    ///
    /// As [`image::bytes`].
    unsafe fn load_image(
        &mut self,
        image: In<c_void>,
        options: &JitOptions,
    ) -> Result<Handle, Refusal> {
        // SAFETY: The caller vouches for the image.
        let bytes = unsafe { image::bytes(image.as_ptr()) }?;
        let text = self.ptx(bytes)?;
        self.load(&text, options)
    }

    /// The PTX of an image that this device can run.
    pub(crate) fn ptx<'i>(&self, image: &'i [u8]) -> Result<Cow<'i, str>, Refusal> {
        let capability = self.device().options().properties.compute_capability;
        image::ptx(image, capability)
    }

    /// Frees a module with its functions and variables.
    pub(crate) fn unload(&mut self, module: Handle) {
        if let Some(module) = self.modules.remove(&module) {
            for function in module.functions.values() {
                self.functions.remove(function);
            }
            self.device().unload(&module.program);
        }
    }
}

/// `cuModuleLoad`
pub(crate) fn load(session: &mut Session, module: Out<CUmodule>, Text(path): Text) -> Answer {
    let bytes = std::fs::read(&path)
        .map_err(|error| refuse(CUDA_ERROR_FILE_NOT_FOUND, format!("{path}: {error}")))?;
    let text = session.ptx(&bytes)?;
    module.set(session.load(&text, &JitOptions::default())?.pointer());
    Ok(())
}

/// `cuModuleLoadData` and `cuModuleLoadFatBinary`
pub(crate) fn load_data(session: &mut Session, module: Out<CUmodule>, image: In<c_void>) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    let handle = unsafe { session.load_image(image, &JitOptions::default()) }?;
    module.set(handle.pointer());
    Ok(())
}

/// `cuModuleLoadDataEx`
pub(crate) fn load_data_ex(
    session: &mut Session,
    module: Out<CUmodule>,
    image: In<c_void>,
    count: c_uint,
    options: Option<In<CUjit_option>>,
    values: *mut *mut c_void,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same, for the options and the image.
    let handle = unsafe {
        let options = JitOptions::read(count, options, values);
        session.load_image(image, &options)
    }?;
    module.set(handle.pointer());
    Ok(())
}

/// `cuModuleUnload`
pub(crate) fn unload(session: &mut Session, module: Handle) -> Answer {
    let context = session.current()?;
    find(&session.modules, module)?;
    session.refuse_in_capture(context)?;
    session.unload(module);
    Ok(())
}

/// `cuModuleGetFunction`
pub(crate) fn get_function(
    session: &mut Session,
    function: Out<CUfunction>,
    module: Handle,
    Text(name): Text,
) -> Answer {
    session.current()?;
    let found = find(&session.modules, module)?;
    if let Some(known) = found.functions.get(&name) {
        function.set(known.pointer());
        return Ok(());
    }
    let kernel = found.program.kernel(&name).ok_or(CUDA_ERROR_NOT_FOUND)?;
    let properties = &session.device().options().properties;
    let new = Function::new(module, found.context, kernel.clone(), properties);
    let handle = session.new_handle();
    session.functions.insert(handle, new);
    if let Some(module) = session.modules.get_mut(&module) {
        module.functions.insert(name, handle);
    }
    function.set(handle.pointer());
    Ok(())
}

/// `cuModuleGetGlobal`
pub(crate) fn get_global(
    session: &mut Session,
    address: Option<Out<CUdeviceptr>>,
    bytes: Option<Out<usize>>,
    module: Handle,
    Text(name): Text,
) -> Answer {
    session.current()?;
    let program = &find(&session.modules, module)?.program;
    let (start, size) = program.variable(&name).ok_or(CUDA_ERROR_NOT_FOUND)?;
    if let Some(address) = address {
        address.set(start);
    }
    if let Some(bytes) = bytes {
        bytes.set(size as usize);
    }
    Ok(())
}
