//! What a tree of processes has used, as the kernel accounts for it.

use std::fs;

/// A process and all its descendants.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&process) = found.get(at) {
        for task in tasks(process) {
            let listed = fs::read_to_string(format!("/proc/{process}/task/{task}/children"));
            let listed = listed.unwrap_or_default();
            found.extend(
                listed
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
        at += 1;
    }
    found
}

fn tasks(process: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// CPU time of the tree, user and kernel, in seconds.
///
/// Of the threads that run, to the nanosecond. What threads that have ended used is not in it: the servers that are
/// measured start and end none meanwhile.
pub fn cpu_seconds(root: u32) -> f64 {
    let mut nanoseconds = 0;
    for process in tree(root) {
        for task in tasks(process) {
            let text = fs::read_to_string(format!("/proc/{process}/task/{task}/schedstat"));
            let text = text.unwrap_or_default();
            let spent = text
                .split(' ')
                .next()
                .and_then(|word| word.parse::<u64>().ok());
            nanoseconds += spent.unwrap_or(0);
        }
    }
    nanoseconds as f64 / 1e9
}

/// Memory in MiB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Proportional set size of the whole tree: what it takes from the machine.
    pub tree: f64,
    /// Private dirty pages of the largest worker.
    pub worker: f64,
    /// Anonymous pages of the process that starts the workers, whether or not it shares them with these.
    pub master: f64,
}

pub fn memory(root: u32) -> Memory {
    let processes = tree(root);
    let (_, workers) = processes.split_first().unwrap_or((&root, &[]));
    let private = workers
        .iter()
        .map(|&worker| mebibytes(worker, "Private_Dirty:"));
    Memory {
        tree: processes
            .iter()
            .map(|&process| mebibytes(process, "Pss:"))
            .sum(),
        worker: private.fold(0.0, f64::max),
        master: mebibytes(root, "Anonymous:"),
    }
}

fn mebibytes(process: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    let kibibytes = line
        .trim()
        .trim_end_matches(" kB")
        .parse::<f64>()
        .unwrap_or(0.0);
    kibibytes / 1024.0
}
