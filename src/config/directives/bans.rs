//! Who is cut off.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::bans::BanFile;
use crate::client::networks::Network;

pub(super) fn engine(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    section.stated.ban_engine = Some(Some(super::engine::mode(arguments)?));
    Ok(())
}

/// A file that is not there yet is no mistake: whoever bans first makes it.
pub(super) fn file(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    if arguments.bytes(0).is_empty() {
        return Err("ModSecurity: SecBanFile: no file is named".into());
    }
    let path = arguments.path(0);
    if path.is_dir() {
        return Err(format!("ModSecurity: SecBanFile: {} is a directory", path.display()).into());
    }
    section.stated.ban_file = Some(Some(Arc::new(BanFile::new(path))));
    Ok(())
}

pub(super) fn exempt(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    let exempt = Arc::make_mut(section.stated.ban_exempt.get_or_insert_default());
    for at in 0..arguments.words.len() {
        let network = Network::parse(&arguments.text(at));
        let wrong = |why| arguments.wrong(at, format!("ModSecurity: SecBanExempt: {why}"));
        let network = network.map_err(|error| wrong(error.to_string()))?;
        if network.is_everybody() {
            let text = arguments.text(at);
            return Err(wrong(format!(
                "{text} is everybody; write SecBanEngine Off"
            )));
        }
        exempt.extend([network]);
    }
    Ok(())
}
