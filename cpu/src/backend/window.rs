//! The window that convolutions and pooling move over an image.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A window over the pixels of an image: its size, how far it moves, and how many rows and columns of
/// padding lie around the image. Each is given for rows, then for columns.
///
/// ```
/// use cpu::backend::Window;
///
/// # fn main() -> cpu::Result<()> {
/// assert_eq!(Window::square(5).output([28, 28])?, [24, 24]);
/// assert_eq!(Window::square(3).padding(1).stride(2).output([28, 28])?, [14, 14]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Rows and columns that it covers.
    pub size: [usize; 2],
    /// Rows and columns between neighbouring places.
    pub stride: [usize; 2],
    /// Rows above and below the image, and columns on its left and right.
    pub padding: [usize; 2],
}

impl Window {
    /// A square that moves by one pixel, without padding.
    pub fn square(side: usize) -> Self {
        Window {
            size: [side; 2],
            stride: [1; 2],
            padding: [0; 2],
        }
    }

    /// With another distance between neighbouring places.
    pub fn stride(self, stride: usize) -> Self {
        Window {
            stride: [stride; 2],
            ..self
        }
    }

    /// With padding on all sides.
    pub fn padding(self, padding: usize) -> Self {
        Window {
            padding: [padding; 2],
            ..self
        }
    }

    /// Rows and columns of places on an image of so many rows and columns:
    /// `⌊(n + 2 padding - size) / stride⌋ + 1`.
    ///
    /// # Errors
    ///
    /// If the window has a side or a stride of 0, a padding that could hold all of it, or does not fit
    /// onto the padded image.
    pub fn output(&self, image: [usize; 2]) -> Result<[usize; 2]> {
        let mut output = [0; 2];
        for (axis, n) in image.into_iter().enumerate() {
            let (size, stride, padding) = (self.size[axis], self.stride[axis], self.padding[axis]);
            if size == 0 || stride == 0 {
                return Err(Error::Input(format!(
                    "{self} cannot be moved over an image: its sides and strides must be at least 1"
                )));
            }
            if padding >= size {
                return Err(Error::Input(format!(
                    "{self} would lie on padding alone: its padding must be smaller than its sides"
                )));
            }
            let padded = n.saturating_add(padding.saturating_mul(2));
            if n == 0 || padded < size {
                return Err(Error::Input(format!(
                    "{self} does not fit onto an image of {}x{} pixels",
                    image[0], image[1]
                )));
            }
            output[axis] = (padded - size) / stride + 1;
        }
        Ok(output)
    }
}

/// `a window of 5x5, stride 2x2, padding 1x1`.
impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Window {
            size,
            stride,
            padding,
        } = self;
        write!(f, "a window of {}x{}", size[0], size[1])?;
        if *stride != [1; 2] {
            write!(f, ", stride {}x{}", stride[0], stride[1])?;
        }
        if *padding != [0; 2] {
            write!(f, ", padding {}x{}", padding[0], padding[1])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        for (window, image) in [
            (Window::square(0), [4, 4]),
            (Window::square(2).stride(0), [4, 4]),
            (Window::square(2).padding(2), [4, 4]),
            (Window::square(5), [4, 9]),
            (Window::square(1), [0, 1]),
        ] {
            assert!(window.output(image).is_err(), "{window} on {image:?}");
        }
    }

    #[test]
    fn what_is_left_over_at_the_edge_is_not_visited() {
        let window = Window {
            size: [3, 2],
            stride: [2, 3],
            padding: [1, 0],
        };
        assert_eq!(window.output([6, 7]).unwrap(), [3, 2]);
    }
}
