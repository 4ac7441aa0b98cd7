//! Who the client is.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::client::{ForwardingHeader, Policy, Source};

pub(super) fn mode(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    section.stated.client_source = Some(Source::parse(&arguments.text(0))?);
    Ok(())
}

pub(super) fn trusted_proxy(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let stated = &mut section.stated.trusted_proxies;
    let mut policy = Policy {
        trusted: stated.as_deref().cloned().unwrap_or_default(),
        ..Policy::default()
    };
    for at in 0..arguments.words.len() {
        policy.trust(&arguments.text(at))?;
    }
    *stated = Some(Arc::new(policy.trusted));
    Ok(())
}

pub(super) fn header(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    section.stated.client_header = Some(Arc::new(ForwardingHeader::parse(&arguments.text(0))?));
    Ok(())
}

pub(super) fn status_access(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let stated = &mut section.stated.status_access;
    let mut admitted = stated.as_deref().cloned().unwrap_or_default();
    for at in 0..arguments.words.len() {
        admitted.add(&arguments.text(at))?;
    }
    *stated = Some(Arc::new(admitted));
    Ok(())
}
