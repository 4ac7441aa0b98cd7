//! `SecGuardianLog`: one line a request, for a program that watches over clients (httpd-guardian).

use std::sync::Arc;
use std::time::Duration;

use super::record::Record;
use super::{Lost, Target, escape, line};

/// Where the lines go, and which requests get one.
#[derive(Clone, Debug)]
pub struct Guardian {
    /// The log.
    pub target: Arc<Target>,
    /// `env=NAME` and `env=!NAME`.
    pub condition: Option<Condition>,
}

/// A variable of the request's environment that must be set, or must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// Whether it must be set.
    pub set: bool,
}

impl Guardian {
    /// Whether a request with this environment gets a line.
    pub fn wants(&self, is_set: impl Fn(&[u8]) -> bool) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| is_set(condition.name.as_bytes()) == condition.set)
    }

    /// Writes the line: what an index line begins with, the microseconds that the request took, and three constants.
    ///
    /// Compat: in mod_security2 1 the constants were the bytes received, the message and its rating; 2.9 always writes `0 "-" 0`.
    /// What rules declared secret is masked, which it is not there.
    pub fn write(&self, record: &Record<'_>, took: Duration) -> Result<(), Lost> {
        let mut tail = Vec::with_capacity(16);
        escape::decimal(
            &mut tail,
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        );
        tail.extend_from_slice(b" 0 \"-\" 0");
        self.target.write_line(&line::render(record, &tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Place;
    use crate::types::Origin;

    #[test]
    fn the_condition_is_about_the_environment() {
        let guardian = |condition| Guardian {
            target: Arc::new(Target::new(
                Place::Program("x".into()),
                0,
                Origin::default(),
            )),
            condition,
        };
        let condition = |set| {
            Some(Condition {
                name: "seen".into(),
                set,
            })
        };
        for (condition, with, without) in [
            (None, true, true),
            (condition(true), true, false),
            (condition(false), false, true),
        ] {
            let guardian = guardian(condition);
            assert_eq!(guardian.wants(|name| name == b"seen"), with);
            assert_eq!(guardian.wants(|name| name == b"other"), without);
        }
    }
}
