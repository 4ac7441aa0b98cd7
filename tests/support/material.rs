//! Where other people's test data lies: it is not part of the project.

use std::path::{Path, PathBuf};

/// The Core Rule Set: where `CRS_DIR` says, or among the data that `CONFORMANCE_DIR` names. It need not be there.
pub fn crs() -> PathBuf {
    stated("CRS_DIR").unwrap_or_else(|| conformance().join("crs"))
}

fn conformance() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    stated("CONFORMANCE_DIR").unwrap_or_else(beside)
}

fn stated(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}
