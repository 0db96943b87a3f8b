//! Rows side by side in vectors: a vector holds the same element of as many rows as it has lanes.

use super::transpose;

/// As many rows as there are lanes, or fewer.
#[derive(Clone, Copy)]
pub(crate) struct Lanes {
    /// Lanes of a vector.
    pub(crate) n: usize,
    /// Rows in them; the lanes behind hold zeros.
    pub(crate) n_rows: usize,
    /// Elements from one row to the next.
    pub(crate) stride: usize,
}

impl Lanes {
    /// `vectors[i, lane] = rows[lane, i]` for elements side by side, `[n_elements, lanes]`. `rows` begins with
    /// the first element of the first row.
    #[inline(always)]
    pub(crate) fn load(self, rows: &[f32], vectors: &mut [f32]) {
        let n_elements = vectors.len() / self.n;
        let row = |lane: usize| &rows[lane * self.stride..][..n_elements];
        let n_squares = n_elements / 4;
        let mut lane = 0;
        while lane < self.n {
            if lane + 4 <= self.n_rows {
                let rows = [0, 1, 2, 3].map(|next| row(lane + next));
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
                    vectors[i * self.n + lane] = if lane < self.n_rows {
                        rows[lane * self.stride + i]
                    } else {
                        0.0
                    };
                }
                lane += 1;
            }
        }
    }

    /// The reverse: `rows[lane][i] = vectors[i, lane]`, for a row of each lane that has one.
    #[inline(always)]
    pub(crate) fn store<'a>(self, vectors: &[f32], mut rows: impl Iterator<Item = &'a mut [f32]>) {
        let mut next = || rows.next().expect("there is a row for each lane");
        let mut lane = 0;
        while lane < self.n_rows {
            if lane + 4 <= self.n_rows {
                let mut rows = [next(), next(), next(), next()];
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
                for (i, element) in next().iter_mut().enumerate() {
                    *element = vectors[i * self.n + lane];
                }
                lane += 1;
            }
        }
    }
}
