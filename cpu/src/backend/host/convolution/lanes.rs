//! Images side by side in vectors, an image per lane, with a margin.

pub(super) use crate::simd::Lanes;

impl Lanes {
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
