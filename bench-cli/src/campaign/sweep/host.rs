//! The name of this machine.

/// The name of this machine in its cluster: Slurm's name of the node, else the host name.
pub(super) fn name() -> String {
    let slurm = std::env::var("SLURMD_NODENAME").ok().filter(|name| !name.is_empty());
    slurm.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
