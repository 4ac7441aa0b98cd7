//! What rules ask outside of the request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::lookups::Database;

pub(super) fn geo_database(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let database = Database::open(&arguments.sibling(0))
        .map_err(|error| format!("ModSecurity: SecGeoLookupDb: {error}"))?;
    section.stated.geo = Some(Some(Arc::new(database)));
    Ok(())
}

pub(super) fn http_bl_key(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    section.stated.http_bl_key = Some(Some(arguments.text(0).into()));
    Ok(())
}

pub(super) fn dns_server(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    let resolver = Arc::make_mut(section.stated.resolver.get_or_insert_default());
    for at in 0..arguments.words.len() {
        let text = arguments.text(at);
        let address = text.parse::<SocketAddr>();
        let server = address.or_else(|_| {
            text.parse::<IpAddr>()
                .map(|address| SocketAddr::new(address, 53))
        });
        let invalid = |_| {
            let sentence = format!("ModSecurity: SecDnsServer: \"{text}\" is no address");
            arguments.wrong(at, sentence)
        };
        resolver.servers.push(server.map_err(invalid)?);
    }
    Ok(())
}
