//! What a run of a script uses up, and the end of it.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Error, HookTriggers, Lua, VmState};

use super::Bounds;

/// How many instructions go by between two looks at the count.
const INSTRUCTIONS_AT_A_TIME: u32 = 1000;

/// What a run has used up.
pub(super) struct Meter<'b> {
    pub(super) bounds: &'b Bounds,
    calls: Cell<u32>,
    /// Instructions, and whether they are too many.
    instructions: Rc<Cell<u64>>,
}

impl Meter<'_> {
    pub(super) fn new(bounds: &Bounds) -> Meter<'_> {
        Meter {
            bounds,
            calls: Cell::new(0),
            instructions: Rc::default(),
        }
    }

    /// Counts instructions from now on.
    ///
    /// A script can catch errors. So that none outlives its end, every instruction after the last that is allowed is an
    /// error: the first one outside of the innermost `pcall` ends that too, and so on to the outermost.
    pub(super) fn watch(&self, lua: &Lua) -> mlua::Result<()> {
        let (spent, most) = (Rc::clone(&self.instructions), self.bounds.instructions);
        let some = HookTriggers::new().every_nth_instruction(INSTRUCTIONS_AT_A_TIME);
        lua.set_global_hook(some, move |lua, _| {
            spent.set(spent.get() + u64::from(INSTRUCTIONS_AT_A_TIME));
            if spent.get() <= most {
                return Ok(VmState::Continue);
            }
            let each = HookTriggers::new().every_nth_instruction(1);
            lua.set_global_hook(each, |_, _| Err(Error::runtime("out of instructions")))?;
            Err(Error::runtime("out of instructions"))
        })
    }

    /// Counts a call of `m.…`.
    pub(super) fn call(&self) -> mlua::Result<()> {
        self.calls.set(self.calls.get().saturating_add(1));
        match self.calls.get() > self.bounds.calls {
            true => Err(Error::runtime("out of calls")),
            false => Ok(()),
        }
    }

    /// The bound that was reached, as a sentence.
    pub(super) fn exceeded(&self) -> Option<String> {
        let Bounds {
            instructions,
            calls,
            ..
        } = self.bounds;
        if self.instructions.get() > *instructions {
            return Some(format!("{instructions} instructions are used up"));
        }
        (self.calls.get() > *calls).then(|| format!("{calls} calls of m are used up"))
    }
}
