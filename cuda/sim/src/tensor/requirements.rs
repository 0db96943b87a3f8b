//! What must hold of a tensor map.

use super::{Fill, Interleave, Swizzle, TensorBox, TensorMap};

/// Where the first element and the strides are aligned to.
fn alignment(interleave: Interleave) -> u64 {
    match interleave {
        Interleave::Bytes32 => 32,
        _ => 16,
    }
}

/// Fails with a sentence unless something holds.
fn require(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(sentence()) }
}

impl TensorMap {
    /// Checks what `cuTensorMapEncodeTiled` and `cuTensorMapEncodeIm2col` require.
    ///
    /// # Errors
    ///
    /// A sentence names the first requirement that does not hold.
    pub fn check(&self) -> Result<(), String> {
        let least = match (self.part, self.interleave) {
            (TensorBox::Tiled(_), Interleave::None) => 1,
            _ => 3,
        };
        let rank = self.rank;
        require((least..=5).contains(&rank), || {
            format!("the tensor has {rank} dimensions, {least} to 5 are possible")
        })?;
        let aligned = alignment(self.interleave);
        let address = self.address;
        require(address.is_multiple_of(aligned), || {
            format!("the tensor's address {address:#x} is no multiple of {aligned}")
        })?;
        for (dimension, &size) in self.sizes[..rank].iter().enumerate() {
            require(size > 0 && size <= 1 << 32, || {
                format!("dimension {dimension} has {size} elements, 1 to 2^32 are possible")
            })?;
        }
        for (dimension, &stride) in (1..).zip(&self.strides[..rank - 1]) {
            require(stride.is_multiple_of(aligned) && stride < 1 << 40, || {
                format!(
                    "the stride of dimension {dimension} is {stride} bytes, it must be a multiple of \
                     {aligned} below 2^40"
                )
            })?;
        }
        for (dimension, &step) in self.steps[..rank].iter().enumerate() {
            require((1..=8).contains(&step), || {
                format!(
                    "the element stride of dimension {dimension} is {step}, 1 to 8 are possible"
                )
            })?;
        }
        match self.part {
            TensorBox::Tiled(counts) => {
                for (dimension, &count) in counts[..rank].iter().enumerate() {
                    require((1..=256).contains(&count), || {
                        format!(
                            "the box has {count} elements of dimension {dimension}, 1 to 256 are \
                             possible"
                        )
                    })?;
                }
            }
            TensorBox::Im2col {
                channels, pixels, ..
            } => {
                require((1..=256).contains(&channels), || {
                    format!("a pixel of {channels} channels, 1 to 256 are possible")
                })?;
                require((1..=1024).contains(&pixels), || {
                    format!("a column of {pixels} pixels, 1 to 1024 are possible")
                })?;
                self.check_corners()?;
            }
        }
        let bytes = self.row_bytes();
        if self.interleave == Interleave::None {
            require(bytes.is_multiple_of(16), || {
                format!("a row of the box has {bytes} bytes, which are no multiple of 16")
            })?;
            if let Some(span) = self.swizzle.span() {
                require(bytes <= span, || {
                    format!(
                        "a row of the box has {bytes} bytes, which are more than the {span} that are \
                         swizzled"
                    )
                })?;
            }
        }
        require(
            self.interleave != Interleave::Bytes32 || self.swizzle == Swizzle::Span32,
            || "an interleave of 32 bytes needs a swizzle of 32 bytes".to_owned(),
        )?;
        require(self.fill == Fill::Zero || self.element.is_float(), || {
            format!("there is no NaN of type {:?}", self.element)
        })
    }

    fn check_corners(&self) -> Result<(), String> {
        let TensorBox::Im2col { lower, upper, .. } = self.part else {
            return Ok(());
        };
        let limit = 1 << Self::corner_bits(self.rank);
        for dimension in 0..self.rank - 2 {
            let (first, last) = (lower[dimension], upper[dimension]);
            for corner in [first, last] {
                require((-limit..limit).contains(&corner), || {
                    format!(
                        "a corner of the pixel box is {corner}, {} to {} are possible in {} dimensions",
                        -limit,
                        limit - 1,
                        self.rank
                    )
                })?;
            }
            let size = self.sizes[dimension + 1] as i64;
            require(i64::from(first) < size + i64::from(last), || {
                format!(
                    "the pixel box is empty in dimension {}: from {first} to {last} behind the last \
                     pixel of {size}",
                    dimension + 1
                )
            })?;
        }
        Ok(())
    }

    /// The bits of a corner of the pixel box behind its sign, in a tensor of so many dimensions; its offsets
    /// have one more and no sign.
    pub(crate) fn corner_bits(rank: usize) -> u32 {
        match rank {
            3 => 15,
            4 => 7,
            _ => 4,
        }
    }

    /// Checks what the map does not say, but a copy by this crate needs.
    pub(crate) fn check_known(&self) -> Result<(), String> {
        require(self.interleave == Interleave::None, || {
            "interleaved tensors are not simulated".to_owned()
        })?;
        require(self.swizzle != Swizzle::Span128Atom32Flip8, || {
            "the swizzle that flips 8 bytes is not simulated".to_owned()
        })?;
        let (bytes, span) = (self.row_bytes(), self.swizzle.span());
        require(span.is_none_or(|span| span == bytes), || {
            format!(
                "rows of {bytes} bytes are swizzled within {} bytes: where they go then is not known",
                span.unwrap_or(0)
            )
        })
    }
}
