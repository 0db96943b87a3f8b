//! A program: a kernel of its own with its launch, what its memory holds before, and what it must
//! hold afterwards. The tables of programs know nothing of what runs them, see [`Launcher`].

use std::fmt::Debug;

use bytemuck::{AnyBitPattern, NoUninit};

/// What is launched.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub grid: [u32; 3],
    pub block: [u32; 3],
    /// Bytes of shared memory beyond the kernel's own.
    pub shared: u32,
    /// Whether all blocks must run at the same time.
    pub cooperative: bool,
}

/// What runs programs: the simulator, or a GPU.
pub trait Launcher {
    /// Loads a module, and launches its kernel `test` with the addresses of two buffers: what goes
    /// in and what comes out. The second one is returned as the kernel left it.
    fn launch(
        &mut self,
        ptx: &str,
        shape: &Shape,
        input: &[u8],
        output: &[u8],
    ) -> Result<Vec<u8>, String>;
    /// How often a program is run, each time in another order of its warps.
    fn repeats(&self) -> u32;
}

type Check = Box<dyn Fn(&[u8]) -> Result<(), String>>;

/// A kernel, and what it must do.
pub struct Program {
    pub name: String,
    target: &'static str,
    head: String,
    body: String,
    shape: Shape,
    strides: [usize; 2],
    input: Vec<u8>,
    output: Vec<u8>,
    check: Check,
}

impl Program {
    /// A kernel of one warp with this body. It finds:
    ///
    /// - `%in` and `%out`, the addresses of its buffers, `%i`, the number of the thread, and `%from`
    ///   and `%to`, the addresses of its own elements, 4 bytes unless [`Program::strides`] says more;
    /// - `%p0` to `%p7`, `%h0` to `%h15`, `%w0` to `%w31`, `%l0` to `%l31`, `%f0` to `%f15` and `%e0`
    ///   to `%e7`: predicates, registers of 16, 32 and 64 bits, floats and doubles.
    pub fn new(name: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            target: "sm_90",
            head: String::new(),
            body: body.into(),
            shape: Shape {
                grid: [1; 3],
                block: [32, 1, 1],
                shared: 0,
                cooperative: false,
            },
            strides: [4; 2],
            input: vec![0; 4],
            output: Vec::new(),
            check: Box::new(|_| Err("nothing is expected".to_owned())),
        }
    }

    /// Another architecture than `sm_90`.
    pub fn target(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    /// Variables and functions of the module.
    pub fn head(mut self, text: impl Into<String>) -> Self {
        self.head = text.into();
        self
    }

    /// The blocks, and the threads of each.
    pub fn shape(mut self, blocks: u32, threads: u32) -> Self {
        (self.shape.grid, self.shape.block) = ([blocks, 1, 1], [threads, 1, 1]);
        self
    }

    /// The same in three dimensions.
    pub fn boxes(mut self, grid: [u32; 3], block: [u32; 3]) -> Self {
        (self.shape.grid, self.shape.block) = (grid, block);
        self
    }

    /// Bytes of shared memory beyond the kernel's own.
    pub fn shared(mut self, bytes: u32) -> Self {
        self.shape.shared = bytes;
        self
    }

    /// All blocks run at the same time.
    pub fn cooperative(mut self) -> Self {
        self.shape.cooperative = true;
        self
    }

    /// The bytes from one thread's elements to the next one's.
    pub fn strides(mut self, input: usize, output: usize) -> Self {
        self.strides = [input, output];
        self
    }

    /// What goes in.
    pub fn input<T: NoUninit>(mut self, values: &[T]) -> Self {
        self.input = bytemuck::cast_slice(values).to_vec();
        self
    }

    /// What the output holds before the launch. Without this it holds zeros, as many as are
    /// expected.
    pub fn output<T: NoUninit>(mut self, values: &[T]) -> Self {
        self.output = bytemuck::cast_slice(values).to_vec();
        self
    }

    /// What the output must hold.
    pub fn expect<T>(self, values: impl IntoIterator<Item = T>) -> Self
    where
        T: AnyBitPattern + NoUninit + PartialEq + Debug,
    {
        self.expect_some(values.into_iter().map(Some))
    }

    /// What the output must hold, `None` where the manual leaves it open.
    pub fn expect_some<T>(mut self, values: impl IntoIterator<Item = Option<T>>) -> Self
    where
        T: AnyBitPattern + NoUninit + PartialEq + Debug,
    {
        let expected: Vec<Option<T>> = values.into_iter().collect();
        if self.output.is_empty() {
            self.output = vec![0; expected.len() * size_of::<T>()];
        }
        self.check(move |bytes| {
            let found: Vec<T> = elements(bytes);
            if found.len() != expected.len() {
                return Err(format!(
                    "{} values, expected {}",
                    found.len(),
                    expected.len()
                ));
            }
            let differs = |at: &usize| expected[*at].is_some_and(|it| it != found[*at]);
            let wrong: Vec<usize> = (0..expected.len()).filter(differs).collect();
            match wrong.first() {
                None => Ok(()),
                Some(&at) => Err(format!(
                    "{} of {} differ, the first at {at}: expected {:x?}, found {:x?}",
                    wrong.len(),
                    expected.len(),
                    expected[at].as_ref(),
                    found[at]
                )),
            }
        })
    }

    /// What must hold of the output.
    pub fn check(mut self, check: impl Fn(&[u8]) -> Result<(), String> + 'static) -> Self {
        self.check = Box::new(check);
        self
    }

    /// The module.
    pub fn ptx(&self) -> String {
        let Self {
            target,
            head,
            body,
            strides: [input, output],
            ..
        } = self;
        format!(
            ".version 9.0\n.target {target}\n.address_size 64\n{head}\n\
             .visible .entry test(.param .u64 in, .param .u64 out)\n{{\n\
             .reg .pred %p<8>; .reg .b16 %h<16>; .reg .b32 %w<32>; .reg .b64 %l<32>;\n\
             .reg .f32 %f<16>; .reg .f64 %e<8>;\n\
             .reg .b32 %i, %n; .reg .b64 %in, %out, %from, %to;\n\
             ld.param.u64 %in, [in]; ld.param.u64 %out, [out];\n\
             mov.u32 %i, %ctaid.x; mov.u32 %n, %ntid.x; mov.u32 %w0, %tid.x;\n\
             mad.lo.u32 %i, %i, %n, %w0;\n\
             mad.wide.u32 %from, %i, {input}, %in; mad.wide.u32 %to, %i, {output}, %out;\n\
             {body}\nret;\n}}\n"
        )
    }
}

/// Runs all programs and returns a sentence for each that failed.
pub fn run(launcher: &mut dyn Launcher, programs: &[Program]) -> Vec<String> {
    let mut failures = Vec::new();
    for program in programs {
        let ptx = program.ptx();
        for _ in 0..launcher.repeats() {
            let result = launcher
                .launch(&ptx, &program.shape, &program.input, &program.output)
                .and_then(|output| (program.check)(&output));
            if let Err(failure) = result {
                failures.push(format!("{}: {failure}", program.name));
                break;
            }
        }
    }
    failures
}

/// The values that bytes hold.
pub fn elements<T: AnyBitPattern>(bytes: &[u8]) -> Vec<T> {
    bytes
        .chunks_exact(size_of::<T>())
        .map(bytemuck::pod_read_unaligned)
        .collect()
}

/// Words of the same text with what stands for `$name` put in.
pub fn fill(text: &str, words: &[(&str, &str)]) -> String {
    // The longest names first: `$space` before `$s`.
    let mut words = words.to_vec();
    words.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    words.iter().fold(text.to_owned(), |text, (name, word)| {
        text.replace(&format!("${name}"), word)
    })
}
