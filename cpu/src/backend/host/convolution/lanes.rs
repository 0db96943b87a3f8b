//! Images side by side in vectors: a vector holds the same element of as many images as it has lanes.

use crate::simd::transpose;

/// The images of one block of a batch, an image per lane.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    /// Lanes of a vector.
    pub(super) n: usize,
    /// Images in them; the lanes behind hold zeros.
    pub(super) n_images: usize,
    /// Elements from one image to the next.
    pub(super) stride: usize,
}

impl Lanes {
    /// `vectors[i, lane] = images[lane, i]` for elements side by side, `[n_elements, lanes]`. `images`
    /// begins with the first element of the first image.
    #[inline(always)]
    pub(super) fn load(self, images: &[f32], vectors: &mut [f32]) {
        let n_elements = vectors.len() / self.n;
        let image = |lane: usize| &images[lane * self.stride..][..n_elements];
        let n_squares = n_elements / 4;
        let mut lane = 0;
        while lane < self.n {
            if lane + 4 <= self.n_images {
                let rows = [
                    image(lane),
                    image(lane + 1),
                    image(lane + 2),
                    image(lane + 3),
                ];
                let squares = rows.map(|row| row.as_chunks::<4>().0);
                let squares = squares.map(|squares| &squares[..n_squares]);
                for i in 0..n_squares {
                    let square = [squares[0][i], squares[1][i], squares[2][i], squares[3][i]];
                    let square = transpose(square);
                    let vectors = &mut vectors[4 * i * self.n + lane..];
                    for (j, row) in square.iter().enumerate() {
                        vectors[j * self.n..][..4].copy_from_slice(row);
                    }
                }
                for i in 4 * n_squares..n_elements {
                    for (j, row) in rows.iter().enumerate() {
                        vectors[i * self.n + lane + j] = row[i];
                    }
                }
                lane += 4;
            } else {
                for i in 0..n_elements {
                    vectors[i * self.n + lane] = if lane < self.n_images {
                        images[lane * self.stride + i]
                    } else {
                        0.0
                    };
                }
                lane += 1;
            }
        }
    }

    /// The reverse: `image(lane)[i] = vectors[i, lane]` for each image.
    #[inline(always)]
    pub(super) fn store<'a>(self, vectors: &[f32], image: impl Fn(usize) -> &'a mut [f32]) {
        let mut lane = 0;
        while lane < self.n_images {
            if lane + 4 <= self.n_images {
                let mut rows = [
                    image(lane),
                    image(lane + 1),
                    image(lane + 2),
                    image(lane + 3),
                ];
                let n_elements = rows[0].len();
                for i in 0..n_elements / 4 {
                    let vectors = &vectors[4 * i * self.n + lane..];
                    let mut square = [[0.0; 4]; 4];
                    for (j, row) in square.iter_mut().enumerate() {
                        row.copy_from_slice(&vectors[j * self.n..][..4]);
                    }
                    for (row, column) in rows.iter_mut().zip(transpose(square)) {
                        row[4 * i..][..4].copy_from_slice(&column);
                    }
                }
                for (j, row) in rows.iter_mut().enumerate() {
                    for i in n_elements / 4 * 4..n_elements {
                        row[i] = vectors[i * self.n + lane + j];
                    }
                }
                lane += 4;
            } else {
                for (i, element) in image(lane).iter_mut().enumerate() {
                    *element = vectors[i * self.n + lane];
                }
                lane += 1;
            }
        }
    }

    /// The images of all channels in vectors with zeros around each: `[n_channels, rows, columns]` of
    /// `images` to `[n_channels, rows + 2 padding[0], columns + 2 padding[1], lanes]`.
    #[inline(always)]
    pub(super) fn load_padded(
        self,
        images: &[f32],
        n_channels: usize,
        [n_rows, n_columns]: [usize; 2],
        padding: [usize; 2],
        vectors: &mut [f32],
    ) {
        if padding == [0; 2] {
            self.load(
                images,
                &mut vectors[..n_channels * n_rows * n_columns * self.n],
            );
            return;
        }
        let margin = padding[1] * self.n;
        let n_of_row = (n_columns + 2 * padding[1]) * self.n;
        let n_above = padding[0] * n_of_row;
        let n_of_channel = n_rows * n_of_row + 2 * n_above;
        for channel in 0..n_channels {
            let vectors = &mut vectors[channel * n_of_channel..][..n_of_channel];
            vectors[..n_above].fill(0.0);
            vectors[n_of_channel - n_above..].fill(0.0);
            for row in 0..n_rows {
                let vectors = &mut vectors[n_above + row * n_of_row..][..n_of_row];
                vectors[..margin].fill(0.0);
                vectors[n_of_row - margin..].fill(0.0);
                self.load(
                    &images[(channel * n_rows + row) * n_columns..],
                    &mut vectors[margin..n_of_row - margin],
                );
            }
        }
    }
}
