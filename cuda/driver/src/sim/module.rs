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
    /// # Errors
    ///
    /// There cannot be as many options.
    ///
    /// # Safety
    ///
    /// There are `count` options, and a value at the index of each buffer's and size's; buffers
    /// are as large as the sizes say.
    pub(crate) unsafe fn read(
        count: c_uint,
        options: Option<In<CUjit_option>>,
        values: *mut *mut c_void,
    ) -> Result<Self, Refusal> {
        let mut read = Self::default();
        let Some(options) = options.filter(|_| !values.is_null()) else {
            return Ok(read);
        };
        // SAFETY: The caller vouches for the options, which are read as their numbers.
        let options = unsafe { options.array::<u32>(count as usize)? };
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
        Ok(read)
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

impl Module {
    /// Whether a function was asked for.
    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// A function that was asked for.
    pub(crate) fn known_function(&self, name: &str) -> Option<Handle> {
        self.functions.get(name).copied()
    }
}

impl Session {
    /// The PTX of an image that this device can run.
    pub(crate) fn ptx<'i>(&self, image: &'i [u8]) -> Result<Cow<'i, str>, Refusal> {
        let capability = self.device().options().properties.compute_capability;
        image::ptx(image, capability)
    }

    /// The PTX of an image in memory.
    ///
    /// # Safety
    ///
    /// As [`image::bytes`].
    pub(crate) unsafe fn image_text(&self, image: &In<c_void>) -> Result<String, Refusal> {
        // SAFETY: The caller vouches for the image.
        let bytes = unsafe { image::bytes(image.as_ptr()) }?;
        Ok(self.ptx(bytes)?.into_owned())
    }

    /// The PTX of a file.
    pub(crate) fn read_file(&self, path: &str) -> Result<String, Refusal> {
        let bytes = std::fs::read(path)
            .map_err(|error| refuse(CUDA_ERROR_FILE_NOT_FOUND, format!("{path}: {error}")))?;
        Ok(self.ptx(&bytes)?.into_owned())
    }

    /// Compiles a text, and fills the buffers of the options.
    pub(crate) fn compile(&mut self, text: &str, options: &JitOptions) -> Result<Program, Refusal> {
        let started = Instant::now();
        let device = self.device();
        let loaded = self.unlocked(|| device.load(text));
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
        Ok(loaded?)
    }

    /// Loads a module's text into the current context.
    pub(crate) fn load(&mut self, text: &str, options: &JitOptions) -> Result<Handle, Refusal> {
        let context = self.current()?;
        self.refuse_in_capture(context)?;
        let program = self.compile(text, options)?;
        // Another thread may have destroyed the context meanwhile.
        if let Err(gone) = self.intact(context) {
            self.device().unload(&program);
            return Err(gone);
        }
        let handle = self.new_handle();
        let module = Module {
            context,
            program,
            functions: BTreeMap::new(),
        };
        self.modules.insert(handle, module);
        Ok(handle)
    }

    /// A function of a module.
    pub(crate) fn module_function(
        &mut self,
        module: Handle,
        name: &str,
    ) -> Result<Handle, Refusal> {
        let found = find(&self.modules, module)?;
        if let Some(known) = found.known_function(name) {
            return Ok(known);
        }
        let kernel = found.program.kernel(name).ok_or(CUDA_ERROR_NOT_FOUND)?;
        let properties = &self.device().options().properties;
        let new = Function::new(module, found.context, kernel.clone(), properties);
        let handle = self.new_handle();
        self.functions.insert(handle, new);
        if let Some(module) = self.modules.get_mut(&module) {
            module.functions.insert(name.to_owned(), handle);
        }
        Ok(handle)
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
    session.current()?;
    let text = session.read_file(&path)?;
    module.set(session.load(&text, &JitOptions::default())?.pointer());
    Ok(())
}

/// `cuModuleLoadData` and `cuModuleLoadFatBinary`
pub(crate) fn load_data(session: &mut Session, module: Out<CUmodule>, image: In<c_void>) -> Answer {
    load_data_ex(session, module, image, 0, None, std::ptr::null_mut())
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
    session.current()?;
    // SAFETY: The contract of the driver's function is the same, for the options and the image.
    let (text, options) = unsafe {
        (
            session.image_text(&image)?,
            JitOptions::read(count, options, values)?,
        )
    };
    module.set(session.load(&text, &options)?.pointer());
    Ok(())
}

/// `cuModuleUnload`
pub(crate) fn unload(session: &mut Session, module: Handle) -> Answer {
    let context = session.current()?;
    find(&session.modules, module)?;
    session.refuse_in_capture(context)?;
    session.wait_for_context(context);
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
    function.set(session.module_function(module, &name)?.pointer());
    Ok(())
}

/// `cuModuleGetFunctionCount`
pub(crate) fn function_count(session: &mut Session, count: Out<c_uint>, module: Handle) -> Answer {
    session.current()?;
    count.set(find(&session.modules, module)?.program.kernels().count() as c_uint);
    Ok(())
}

/// `cuModuleEnumerateFunctions`: as many as there is room for.
pub(crate) fn enumerate_functions(
    session: &mut Session,
    functions: Out<CUfunction>,
    room: c_uint,
    module: Handle,
) -> Answer {
    session.current()?;
    let kernels = find(&session.modules, module)?.program.kernels();
    let names: Vec<String> = kernels.map(|kernel| kernel.name().to_owned()).collect();
    for (index, name) in names.iter().take(room as usize).enumerate() {
        let function = session.module_function(module, name)?;
        // SAFETY: The caller says that there is room for as many.
        unsafe { functions.set_at(index, function.pointer()) };
    }
    Ok(())
}

/// `cuModuleGetLoadingMode`: everything is compiled when it is loaded.
pub(crate) fn loading_mode(_: &mut Session, mode: Out<c_uint>) -> Answer {
    const EAGER: c_uint = 1;
    mode.set(EAGER);
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
