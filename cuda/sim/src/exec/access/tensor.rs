//! Copies of boxes of tensors, by tensor maps.

use super::bulk::{ElementUpdate, run};
use super::{AccessSpace, PARAMETER_WINDOW};
use crate::check::{Action, Effect, Kind, Queue};
use crate::exec::{Context, Stop, rank_and_offset};
use crate::tensor::{Fill, Origin, TENSOR_MAP_BYTES, TensorBox, TensorElement, TensorMap, rows};

/// What a box in shared memory is aligned to, and a map.
const BOX_ALIGNMENT: u64 = 128;
const MAP_ALIGNMENT: u64 = 64;
/// The smallest chunk that swizzling moves.
const CHUNK: u64 = 16;

/// The box that a lane copies.
pub(crate) struct TensorCopy {
    /// The generic address of the map.
    pub(crate) map: u64,
    /// The dimensions that the instruction is for.
    pub(crate) rank: usize,
    pub(crate) origin: Origin,
    /// Where the box is in shared memory.
    pub(crate) shared: u64,
}

impl Context<'_, '_> {
    /// `cp.async.bulk.tensor` to shared memory, by a lane: the bytes of the whole box count at an mbarrier;
    /// with `blocks` to those blocks of the cluster.
    pub(crate) fn load_tensor(
        &mut self,
        lane: usize,
        copy: &TensorCopy,
        mbarrier: u64,
        blocks: Option<u16>,
    ) -> Result<(), Stop> {
        let map = self.tensor_map_of(lane, copy)?;
        if rank_and_offset(copy.shared).0 != rank_and_offset(mbarrier).0 {
            let message =
                "copies a box to one block of the cluster, and tells an mbarrier of another one";
            return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
        }
        let bytes = u32::try_from(map.box_bytes()).unwrap_or(u32::MAX);
        let goals = self.goals(lane, (copy.shared, mbarrier), bytes, blocks)?;
        let time = self.begin_asynchronously();
        let mut swizzled = Vec::new();
        if goals.iter().any(|goal| goal.is_inside) {
            let mut linear = vec![0; bytes as usize];
            if map.fill == Fill::Nan {
                for element in linear.chunks_mut(map.element.bytes() as usize) {
                    element.fill(0xff);
                    element[element.len() - 1] = 0x7f;
                }
            }
            for row in rows(&map, &copy.origin) {
                if let Some((skipped, count, address)) = row.inside {
                    let part = &mut linear[(row.start + skipped) as usize..][..count as usize];
                    self.read_global_run(lane, address, part)?;
                    round(map.element, part);
                }
            }
            swizzled = vec![0; linear.len()];
            for (at, chunk) in (0..)
                .step_by(CHUNK as usize)
                .zip(linear.chunks(CHUNK as usize))
            {
                let to = (self.swizzled(&map, copy.shared + at) - copy.shared) as usize;
                swizzled[to..to + chunk.len()].copy_from_slice(chunk);
            }
        }
        self.reach(lane, &goals, time, &swizzled)
    }

    /// `cp.async.bulk.tensor` and `cp.reduce.async.bulk.tensor` from shared memory, by a lane, in its group:
    /// what is outside of the tensor is left out.
    pub(crate) fn store_tensor(
        &mut self,
        lane: usize,
        copy: &TensorCopy,
        update: Option<&dyn Fn(TensorElement) -> Option<ElementUpdate>>,
    ) -> Result<(), Stop> {
        let map = self.tensor_map_of(lane, copy)?;
        let update = match update.map(|update| update(map.element)) {
            Some(None) => {
                let message = format!("there is no such update of elements {:?}", map.element);
                return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
            }
            update => update.flatten(),
        };
        let bytes = u32::try_from(map.box_bytes()).unwrap_or(u32::MAX);
        let action = Action::Begin(Queue::StoreReads, Effect::Read);
        if !self.is_shared_run(lane, action, &run(copy.shared, bytes))? {
            return Ok(());
        }
        let time = self.begin_asynchronously();
        for row in rows(&map, &copy.origin) {
            if let Some((skipped, count, address)) = row.inside {
                let mut data = vec![0; count as usize];
                self.read_row(lane, &map, copy.shared + row.start, skipped, &mut data)?;
                self.write_global_run(lane, address, &data, update)?;
            }
        }
        self.shared
            .begin_store((self.warp as usize, lane), self.pc, time);
        Ok(())
    }

    /// Reads a part of a row of a box in shared memory, from byte `skipped` of the row on.
    fn read_row(
        &mut self,
        lane: usize,
        map: &TensorMap,
        start: u64,
        skipped: u64,
        data: &mut [u8],
    ) -> Result<(), Stop> {
        let queue = Queue::StoreReads;
        if map.swizzle.span().is_none() {
            return self.read_shared_run(lane, queue, start + skipped, data);
        }
        if data.len() as u64 == map.row_bytes() {
            // Chunks change places within the row.
            let mut row = vec![0; data.len()];
            self.read_shared_run(lane, queue, start, &mut row)?;
            for (at, chunk) in (0..)
                .step_by(CHUNK as usize)
                .zip(data.chunks_mut(CHUNK as usize))
            {
                let from = (self.swizzled(map, start + at) - start) as usize;
                chunk.copy_from_slice(&row[from..from + chunk.len()]);
            }
            return Ok(());
        }
        let mut at = 0;
        while at < data.len() {
            let offset = skipped + at as u64;
            let count = ((CHUNK - offset % CHUNK) as usize).min(data.len() - at);
            let from = self.swizzled(map, start + offset);
            self.read_shared_run(lane, queue, from, &mut data[at..at + count])?;
            at += count;
        }
        Ok(())
    }

    /// Where the byte of a box goes that would be at an offset of shared memory without swizzling.
    fn swizzled(&self, map: &TensorMap, offset: u64) -> u64 {
        map.swizzle.place(offset).unwrap_or(offset)
    }

    /// The map of a copy; ends the launch if it is none, or if the copy cannot be made by it.
    fn tensor_map_of(&mut self, lane: usize, copy: &TensorCopy) -> Result<TensorMap, Stop> {
        let bytes = self.tensor_map_bytes(lane, copy.map)?;
        let Some(map) = TensorMap::decode(&bytes) else {
            let message = format!(
                "copies by a tensor map at {:#x}, where the bytes of none are: it is made by \
                 `cuTensorMapEncodeTiled` or its like, and passed as a `__grid_constant__` parameter or \
                 copied as a whole",
                copy.map
            );
            return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
        };
        let fits = self.check_origin(&map, copy);
        if let Err(sentence) = fits
            .and_then(|()| map.check())
            .and_then(|()| map.check_known())
        {
            let message = format!("copies by the tensor map at {:#x}: {sentence}", copy.map);
            return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
        }
        self.check_aligned(lane, copy.shared, BOX_ALIGNMENT, "a box at")?;
        if map.swizzle.span().is_some() && !copy.shared.is_multiple_of(BOX_ALIGNMENT) {
            let message = format!(
                "copies a swizzled box at {:#x}, which is no multiple of {BOX_ALIGNMENT}: where its \
                 chunks go then is not known",
                copy.shared
            );
            return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
        }
        Ok(map)
    }

    fn check_origin(&self, map: &TensorMap, copy: &TensorCopy) -> Result<(), String> {
        if map.rank != copy.rank {
            return Err(format!(
                "it has {} dimensions, the instruction is for {}",
                map.rank, copy.rank
            ));
        }
        match (map.part, copy.origin) {
            (TensorBox::Tiled(_), Origin::Tile(_)) => Ok(()),
            (TensorBox::Im2col { lower, upper, .. }, Origin::Pixel(first, offsets)) => {
                let most = 1 << (TensorMap::corner_bits(map.rank) + 1);
                for dimension in 1..map.rank - 1 {
                    let index = i64::from(first[dimension]);
                    let end = map.sizes[dimension] as i64 + i64::from(upper[dimension - 1]);
                    let begin = i64::from(lower[dimension - 1]);
                    if !(begin..end).contains(&index) {
                        return Err(format!(
                            "coordinate {dimension} is {index}, and the pixel box goes from {begin} to {}",
                            end - 1
                        ));
                    }
                    let offset = u32::from(offsets[dimension - 1]);
                    if offset >= most {
                        return Err(format!("the offset {offset} must be less than {most}"));
                    }
                }
                Ok(())
            }
            (TensorBox::Tiled(_), _) => {
                Err("it is of tiles, and the instruction of im2col".to_owned())
            }
            _ => Err("it is of im2col, and the instruction of tiles".to_owned()),
        }
    }

    /// The bytes at the address of a map, which is one of global or constant memory or of the parameters.
    /// They are read by a way of their own, which takes no part in races.
    fn tensor_map_bytes(
        &mut self,
        lane: usize,
        address: u64,
    ) -> Result<[u8; TENSOR_MAP_BYTES], Stop> {
        if !address.is_multiple_of(MAP_ALIGNMENT) {
            let message = format!(
                "copies by a tensor map at {address:#x}, which is no multiple of {MAP_ALIGNMENT}"
            );
            return Err(self.stop(Kind::Misaligned, lane, "copies", message));
        }
        let mut bytes = [0; TENSOR_MAP_BYTES];
        let space = AccessSpace::of(address);
        match space {
            AccessSpace::Parameter => {
                let start = (address - PARAMETER_WINDOW) as usize;
                let parameters = self.launch.parameters.get(start..start + TENSOR_MAP_BYTES);
                if let Some(parameters) = parameters {
                    bytes.copy_from_slice(parameters);
                    return Ok(bytes);
                }
            }
            AccessSpace::Global => {
                if let Some((region, offset)) = self.cursor.find(address, TENSOR_MAP_BYTES as u64) {
                    region.read(offset, &mut bytes);
                    return Ok(bytes);
                }
                let action = "copies by the tensor map of";
                let bytes = TENSOR_MAP_BYTES as u32;
                return Err(self.bad_address(Kind::OutOfBounds, lane, action, address, bytes));
            }
            _ => {}
        }
        let message = format!(
            "copies by a tensor map at {address:#x} of {}; it must lie in global or constant memory or \
             among the kernel's parameters",
            space.name()
        );
        Err(self.stop(Kind::WrongSpace, lane, "copies", message))
    }
}

/// What a load makes of elements of a type.
fn round(element: TensorElement, bytes: &mut [u8]) {
    use TensorElement::{F32Ftz, Tf32, Tf32Ftz};
    if !matches!(element, F32Ftz | Tf32 | Tf32Ftz) {
        return;
    }
    let (words, _) = bytes.as_chunks_mut::<4>();
    for word in words {
        let mut bits = u32::from_le_bytes(*word);
        if element != Tf32 && f32::from_bits(bits).is_subnormal() {
            bits &= 1 << 31;
        }
        if element != F32Ftz && f32::from_bits(bits).is_finite() {
            // To the nearest of 10 bits behind the point, ties to even.
            let odd = bits >> 13 & 1;
            bits = (bits + 0xfff + odd) & !0x1fff;
        }
        *word = bits.to_le_bytes();
    }
}
