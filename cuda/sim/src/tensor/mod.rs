//! Tensor maps: how a tensor lies in global memory, and which box of it a copy moves.
//!
//! A GPU's are 128 bytes that nobody but the driver and the hardware can read. Those of this crate are
//! laid out in another way and begin with a mark, so that other bytes are found to be no map.

mod requirements;
mod rows;

pub(crate) use rows::{Origin, rows};

/// The type of a tensor's elements, in the order of `CUtensorMapDataType`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TensorElement {
    /// 8 bits.
    U8,
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// 32 bits, with a sign.
    S32,
    /// 64 bits.
    U64,
    /// 64 bits, with a sign.
    S64,
    /// Half precision.
    F16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// The upper half of a single.
    BF16,
    /// Single precision; loads make zeros of subnormals.
    F32Ftz,
    /// Single precision, which loads round to 10 bits behind the point.
    Tf32,
    /// As [`TensorElement::Tf32`]; loads make zeros of subnormals.
    Tf32Ftz,
}

impl TensorElement {
    /// All of them; where one stands is its number for `cuTensorMapEncodeTiled`.
    pub const ALL: [Self; 13] = [
        Self::U8,
        Self::U16,
        Self::U32,
        Self::S32,
        Self::U64,
        Self::S64,
        Self::F16,
        Self::F32,
        Self::F64,
        Self::BF16,
        Self::F32Ftz,
        Self::Tf32,
        Self::Tf32Ftz,
    ];

    /// In the order in which `tensormap.replace` numbers them.
    const REPLACED: [Self; 13] = [
        Self::U8,
        Self::U16,
        Self::U32,
        Self::S32,
        Self::U64,
        Self::S64,
        Self::F16,
        Self::F32,
        Self::F32Ftz,
        Self::F64,
        Self::BF16,
        Self::Tf32,
        Self::Tf32Ftz,
    ];

    /// The bytes of an element.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::U32 | Self::S32 | Self::F32 | Self::F32Ftz | Self::Tf32 | Self::Tf32Ftz => 4,
            Self::U64 | Self::S64 | Self::F64 => 8,
        }
    }

    /// Whether it is a floating-point number.
    pub fn is_float(self) -> bool {
        !matches!(
            self,
            Self::U8 | Self::U16 | Self::U32 | Self::S32 | Self::U64 | Self::S64
        )
    }
}

/// How the elements of a tensor are interleaved, in the order of `CUtensorMapInterleave`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interleave {
    /// Not at all.
    None,
    /// In slices of 16 bytes.
    Bytes16,
    /// In slices of 32 bytes.
    Bytes32,
}

impl Interleave {
    /// All of them, by their numbers.
    pub const ALL: [Self; 3] = [Self::None, Self::Bytes16, Self::Bytes32];
}

/// How a box is swizzled in shared memory, in the order of `CUtensorMapSwizzle`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Swizzle {
    /// Not at all.
    None,
    /// Chunks of 16 bytes in 32 bytes.
    Span32,
    /// Chunks of 16 bytes in 64 bytes.
    Span64,
    /// Chunks of 16 bytes in 128 bytes.
    Span128,
    /// Chunks of 32 bytes in 128 bytes.
    Span128Atom32,
    /// The same, with halves of chunks that change places.
    Span128Atom32Flip8,
    /// Chunks of 64 bytes in 128 bytes.
    Span128Atom64,
}

impl Swizzle {
    /// All of them, by their numbers.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Span32,
        Self::Span64,
        Self::Span128,
        Self::Span128Atom32,
        Self::Span128Atom32Flip8,
        Self::Span128Atom64,
    ];

    /// The bytes within which chunks change places.
    pub fn span(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Span32 => Some(32),
            Self::Span64 => Some(64),
            _ => Some(128),
        }
    }

    /// Where in shared memory a byte goes that would be at `offset` without swizzling. None if it is not
    /// known.
    pub(crate) fn place(self, offset: u64) -> Option<u64> {
        // Which line of 128 bytes it is in says what its chunk's number is combined with.
        let line = offset >> 7;
        let chunk = match self {
            Self::None => 0,
            Self::Span32 => (line & 1) << 4,
            Self::Span64 => (line & 3) << 4,
            Self::Span128 => (line & 7) << 4,
            Self::Span128Atom32 => (line & 3) << 5,
            Self::Span128Atom64 => (line & 1) << 6,
            Self::Span128Atom32Flip8 => return None,
        };
        Some(offset ^ chunk)
    }
}

/// What a copy moves of a tensor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TensorBox {
    /// As many elements of each dimension.
    Tiled([u32; 5]),
    /// Pixels of images, as the columns of a convolution want them.
    Im2col {
        /// How far left of the image, and above it, filters begin: of W, H, D.
        lower: [i32; 3],
        /// How far from the last pixel they begin at most.
        upper: [i32; 3],
        /// The elements of a pixel.
        channels: u32,
        /// The pixels of a column.
        pixels: u32,
    },
}

/// What a copy puts where the box is outside of the tensor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fill {
    /// Zeros.
    Zero,
    /// NaNs, whose bits are open.
    Nan,
}

impl Fill {
    /// All of them, by their numbers.
    pub const ALL: [Self; 2] = [Self::Zero, Self::Nan];
}

/// How a tensor lies in global memory, and which box of it a copy moves. Dimension 0 is the one whose
/// elements lie side by side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TensorMap {
    /// The type of the elements.
    pub element: TensorElement,
    /// The number of dimensions.
    pub rank: usize,
    /// Where the first element is.
    pub address: u64,
    /// The elements of each dimension.
    pub sizes: [u64; 5],
    /// The bytes from one index of dimension 1 and above to the next.
    pub strides: [u64; 4],
    /// What a copy moves.
    pub part: TensorBox,
    /// Of each dimension, every how manieth element is taken.
    pub steps: [u32; 5],
    /// How the tensor is interleaved.
    pub interleave: Interleave,
    /// How boxes lie in shared memory.
    pub swizzle: Swizzle,
    /// What is outside of the tensor.
    pub fill: Fill,
}

/// The bytes of a map.
pub const TENSOR_MAP_BYTES: usize = 128;
/// The first bytes of a map.
const MARK: [u8; 8] = *b"ptx_sim\x01";

/// Writes numbers side by side.
struct Writer {
    bytes: [u8; TENSOR_MAP_BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

/// Reads numbers that lie side by side.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let (first, rest) = self.0.split_at(N);
        taken.copy_from_slice(first);
        self.0 = rest;
        taken
    }
}

impl TensorMap {
    /// The bytes of the map. Whether copies can use it, [`TensorMap::check`] says.
    ///
    /// ```
    /// use ptx_sim::{Fill, Interleave, Swizzle, TensorBox, TensorElement, TensorMap};
    ///
    /// let map = TensorMap {
    ///     element: TensorElement::F16,
    ///     rank: 2,
    ///     address: 0x1000,
    ///     sizes: [100, 30, 1, 1, 1],
    ///     strides: [208, 0, 0, 0],
    ///     part: TensorBox::Tiled([64, 8, 1, 1, 1]),
    ///     steps: [1; 5],
    ///     interleave: Interleave::None,
    ///     swizzle: Swizzle::Span128,
    ///     fill: Fill::Zero,
    /// };
    /// map.check()?;
    /// assert_eq!(TensorMap::decode(&map.encode()), Some(map));
    /// assert_eq!(TensorMap::decode(&[0; 128]), None);
    /// # Ok::<(), String>(())
    /// ```
    pub fn encode(&self) -> [u8; TENSOR_MAP_BYTES] {
        let mut writer = Writer {
            bytes: [0; TENSOR_MAP_BYTES],
            at: 0,
        };
        writer.put(&MARK);
        writer.put(&[
            self.element as u8,
            self.rank as u8,
            self.interleave as u8,
            self.swizzle as u8,
            self.fill as u8,
            u8::from(matches!(self.part, TensorBox::Im2col { .. })),
        ]);
        writer.put(&self.address.to_le_bytes());
        for size in self.sizes {
            // 2^32 is the largest.
            writer.put(&(size.wrapping_sub(1) as u32).to_le_bytes());
        }
        for stride in self.strides {
            writer.put(&stride.to_le_bytes());
        }
        writer.put(&self.steps.map(|step| step as u8));
        match self.part {
            TensorBox::Tiled(counts) => {
                for count in counts {
                    writer.put(&count.to_le_bytes());
                }
            }
            TensorBox::Im2col {
                lower,
                upper,
                channels,
                pixels,
            } => {
                for corner in lower.into_iter().chain(upper) {
                    writer.put(&(corner as i16).to_le_bytes());
                }
                writer.put(&(channels as u16).to_le_bytes());
                writer.put(&(pixels as u16).to_le_bytes());
            }
        }
        writer.bytes
    }

    /// The map that these bytes are, if they are one.
    pub fn decode(bytes: &[u8; TENSOR_MAP_BYTES]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take() != MARK {
            return None;
        }
        let [element, rank, interleave, swizzle, fill, is_im2col] = reader.take();
        let address = u64::from_le_bytes(reader.take());
        let sizes = [(); 5].map(|()| u64::from(u32::from_le_bytes(reader.take())) + 1);
        let strides = [(); 4].map(|()| u64::from_le_bytes(reader.take()));
        let steps = reader.take::<5>().map(u32::from);
        let part = if is_im2col == 0 {
            TensorBox::Tiled([(); 5].map(|()| u32::from_le_bytes(reader.take())))
        } else {
            let mut corner = || [(); 3].map(|()| i16::from_le_bytes(reader.take()).into());
            let (lower, upper) = (corner(), corner());
            let [channels, pixels] = [(); 2].map(|()| u16::from_le_bytes(reader.take()).into());
            TensorBox::Im2col {
                lower,
                upper,
                channels,
                pixels,
            }
        };
        Some(Self {
            element: *TensorElement::ALL.get(usize::from(element))?,
            rank: rank.into(),
            address,
            sizes,
            strides,
            part,
            steps,
            interleave: *Interleave::ALL.get(usize::from(interleave))?,
            swizzle: *Swizzle::ALL.get(usize::from(swizzle))?,
            fill: *Fill::ALL.get(usize::from(fill))?,
        })
    }

    /// The bytes of a row of a box.
    pub(crate) fn row_bytes(&self) -> u64 {
        let count = match self.part {
            TensorBox::Tiled(counts) => counts[0],
            TensorBox::Im2col { channels, .. } => channels,
        };
        u64::from(count) * self.element.bytes()
    }

    /// The rows of a box.
    pub(crate) fn n_rows(&self) -> u64 {
        match self.part {
            TensorBox::Tiled(counts) => (1..self.rank)
                .map(|dimension| u64::from(counts[dimension].div_ceil(self.steps[dimension])))
                .product(),
            TensorBox::Im2col { pixels, .. } => pixels.into(),
        }
    }

    /// The bytes of a box in shared memory, all of which an mbarrier is told of.
    pub(crate) fn box_bytes(&self) -> u64 {
        self.row_bytes() * self.n_rows()
    }

    /// `tensormap.replace` of the element type, by its number there.
    pub(crate) fn replaced_element(number: u32) -> Option<TensorElement> {
        TensorElement::REPLACED.get(number as usize).copied()
    }
}
