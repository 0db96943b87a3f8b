//! Launches with attributes: `cuLaunchKernelEx`, and how many clusters run at a time.

use std::ffi::{c_int, c_void};

use cust_raw::cudaError_enum::*;

use super::argument::{Handle, In, Out};
use super::event;
use super::launch::Request;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use crate::header::{LaunchAttribute, LaunchConfig};

/// `CU_LAUNCH_ATTRIBUTE_*`
const COOPERATIVE: u32 = 2;
const CLUSTER_DIMENSION: u32 = 4;
const PROGRAMMATIC_EVENT: u32 = 7;
const PREFERRED_CLUSTER_DIMENSION: u32 = 11;
const COMPLETION_EVENT: u32 = 12;
const DEVICE_UPDATABLE_NODE: u32 = 13;

/// The rest: about caches, priorities, domains of fences, how blocks are spread, and that a kernel may
/// begin before the one before it has ended. All are permissions or hints that change no result.
const HINTS: [u32; 12] = [0, 1, 3, 5, 6, 8, 9, 10, 14, 16, 17, 18];

/// What the attributes of a launch ask for.
#[derive(Default)]
struct Attributes {
    cooperative: bool,
    cluster: Option<[u32; 3]>,
    /// Events to record behind the kernel.
    events: Vec<Handle>,
}

impl Attributes {
    /// Reads the attributes of a launch.
    ///
    /// # Safety
    ///
    /// The attributes are as many as the description says.
    unsafe fn read(config: &LaunchConfig) -> Result<Self, Refusal> {
        let mut read = Self::default();
        if config.n_attributes > 0 && config.attributes.is_null() {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        for index in 0..config.n_attributes as usize {
            // SAFETY: The caller vouches for as many attributes.
            let attribute = unsafe { config.attributes.add(index).read_unaligned() };
            read.take(&attribute)?;
        }
        Ok(read)
    }

    fn take(&mut self, attribute: &LaunchAttribute) -> Answer {
        let [x, y, z, ..] = attribute.value.0;
        match attribute.id {
            COOPERATIVE => self.cooperative = x != 0,
            CLUSTER_DIMENSION => self.cluster = Some([x, y, z]),
            // The smaller size, which the launch names as well, is as good.
            PREFERRED_CLUSTER_DIMENSION => {}
            PROGRAMMATIC_EVENT | COMPLETION_EVENT => {
                self.events.push(Handle(x as usize | (y as usize) << 32));
            }
            DEVICE_UPDATABLE_NODE if x == 0 => {}
            DEVICE_UPDATABLE_NODE => {
                return Err(refuse(
                    CUDA_ERROR_NOT_SUPPORTED,
                    "the simulator has no nodes that kernels change",
                ));
            }
            hint if HINTS.contains(&hint) => {}
            unknown => {
                return Err(refuse(
                    CUDA_ERROR_INVALID_VALUE,
                    format!("{unknown} is no attribute of a launch"),
                ));
            }
        }
        Ok(())
    }
}

/// Reads the description of a launch.
fn read(config: &In<LaunchConfig>) -> Result<(LaunchConfig, Attributes), Refusal> {
    // SAFETY: The caller gives a description with as many attributes as it says.
    unsafe {
        let config = config.as_ptr().read_unaligned();
        let attributes = Attributes::read(&config)?;
        Ok((config, attributes))
    }
}

/// `cuLaunchKernelEx`
pub(crate) fn kernel(
    session: &mut Session,
    config: In<LaunchConfig>,
    function: Handle,
    parameters: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> Answer {
    let (config, attributes) = read(&config)?;
    let function = session.resolve(function)?;
    let stream = Handle(config.stream.addr());
    let request = Request {
        function,
        grid: config.grid,
        block: config.block,
        cluster: session.cluster_of(function, attributes.cluster)?,
        dynamic_shared: config.dynamic_shared,
        cooperative: attributes.cooperative,
    };
    // SAFETY: The contract of the driver's function is the same.
    let launch = unsafe { session.prepare(request, parameters, extra) }?;
    session.launch(stream, launch)?;
    for event in attributes.events {
        event::record(session, event, stream)?;
    }
    Ok(())
}

impl Session {
    /// The blocks of a cluster of a launch that asks for `cluster`, or for nothing: `None` if nobody asks
    /// for clusters.
    pub(crate) fn cluster_of(
        &self,
        function: Handle,
        cluster: Option<[u32; 3]>,
    ) -> Result<Option<[u32; 3]>, Refusal> {
        let function = self.function(function)?;
        let required = function.required_cluster;
        let Some(cluster) = cluster.or(required) else {
            return Ok(None);
        };
        if cluster.contains(&0) {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!("the cluster {cluster:?} is empty"),
            ));
        }
        let blocks: u64 = cluster.iter().map(|&size| u64::from(size)).product();
        let most = function.most_cluster_blocks();
        if blocks > u64::from(most) {
            // The code of CUDA for this is one that `cust_raw` does not declare.
            return Err(Refusal::of_number(
                INVALID_CLUSTER_SIZE,
                format!("a cluster of {blocks} blocks, and {most} are allowed"),
            ));
        }
        if let Some(required) = required.filter(|&required| required != cluster) {
            return Err(Refusal::of_number(
                INVALID_CLUSTER_SIZE,
                format!("the cluster is {cluster:?}, the kernel requires {required:?}"),
            ));
        }
        Ok(Some(cluster))
    }

    /// The clusters of a launch that run at a time.
    fn clusters_at_once(
        &mut self,
        function: Handle,
        config: &LaunchConfig,
        cluster: [u32; 3],
    ) -> Result<u32, Refusal> {
        let threads = config
            .block
            .iter()
            .fold(1u32, |product, &size| product.saturating_mul(size));
        let each = self.resident_blocks(function, threads, config.dynamic_shared.into())?;
        let blocks = each.saturating_mul(self.device().options().properties.multiprocessors);
        let size = cluster.iter().product::<u32>().max(1);
        Ok(blocks / size)
    }
}

/// `CUDA_ERROR_INVALID_CLUSTER_SIZE`
const INVALID_CLUSTER_SIZE: u32 = 912;

/// `cuOccupancyMaxActiveClusters`: as if every multiprocessor could be in a cluster with any other.
pub(crate) fn max_active_clusters(
    session: &mut Session,
    count: Out<c_int>,
    function: Handle,
    config: In<LaunchConfig>,
) -> Answer {
    let (config, attributes) = read(&config)?;
    let function = session.resolve(function)?;
    let cluster = session.cluster_of(function, attributes.cluster)?;
    count.set(session.clusters_at_once(function, &config, cluster.unwrap_or([1; 3]))? as c_int);
    Ok(())
}

/// `cuOccupancyMaxPotentialClusterSize`
pub(crate) fn max_potential_cluster_size(
    session: &mut Session,
    size: Out<c_int>,
    function: Handle,
    config: In<LaunchConfig>,
) -> Answer {
    let (config, _) = read(&config)?;
    let function = session.resolve(function)?;
    let mut largest = session.function(function)?.most_cluster_blocks();
    if session.device().options().properties.compute_capability < (9, 0) {
        return Err(CUDA_ERROR_NOT_SUPPORTED.into());
    }
    while largest > 1 && session.clusters_at_once(function, &config, [largest, 1, 1])? == 0 {
        largest /= 2;
    }
    size.set(largest as c_int);
    Ok(())
}
