//! In the place of Lua where it was left out: no script compiles, so none runs.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use super::{Access, Failure};

/// A compiled script: there is none.
#[derive(Debug)]
pub struct Script(Infallible);

/// The bounds of one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds;

impl Script {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn compile(
        path: &Path,
        _: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Script, String> {
        Err(format!(
            "ModSecurity: {} is Lua, and this build of Palisade is without it (feature `lua`)",
            path.display()
        ))
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        match self.0 {}
    }

    /// Runs it.
    ///
    /// # Errors
    /// None: there is no script.
    pub fn run(
        &self,
        _: Option<&[u8]>,
        _: &mut dyn Access,
        _: &Bounds,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match self.0 {}
    }
}
