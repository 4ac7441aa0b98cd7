//! From reading the configuration to the first request.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::os::unix::fs::chroot;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::guard::{self, Started};
use super::host::log::{self, Level};
use super::host::pool::Pool;
use super::host::server::{self, Server};
use super::{access_log, connections, dirconf, logging, logs, module, shared, sys};
use crate::config::{Config, DirConfig};

/// `pre_config`: the modules are loaded, nothing else has been read. Refuses to run beside another of its kind.
pub(super) unsafe extern "C" fn pre_config(
    pool: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
) -> c_int {
    guard::enter("pre_config", || -> Started {
        // SAFETY: the configuration's pool.
        if let Some(pool) = unsafe { Pool::from_raw(pool) } {
            access_log::register(pool);
        }
        let Some(reason) = module::conflict() else {
            return Ok(());
        };
        log::write(
            None,
            Level::Emergency,
            format!("ModSecurity: {reason}").as_bytes(),
        );
        Err(())
    })
}

/// What log readers look for at a start, with the version that is the reference (`MODSEC_BUILD`), and who it really is.
const BANNER: &str = concat!(
    "ModSecurity for Apache/2.9.13 (compatible; Palisade/",
    env!("CARGO_PKG_VERSION"),
    ") configured."
);

/// `post_config`: the configuration has been read. Assembles all rules, so that children inherit them instead of
/// assembling them one by one, and says what is in force.
pub(super) unsafe extern "C" fn post_config(
    pool: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    main: *mut sys::server_rec,
) -> c_int {
    guard::enter("post_config", || -> Started {
        if server::is_rehearsal() {
            return Ok(());
        }
        // SAFETY: httpd's main server, with the configuration that it has just read, and the pool that this lives in.
        let both = unsafe { (Server::from_raw(main), Pool::from_raw(pool)) };
        let (Some(main), Some(pool)) = both else {
            return Ok(());
        };
        logging::adopt_log_level(main.chain().map(Server::log_level));
        prepare_collections(main)?;
        log::write(Some(main), Level::Notice, BANNER.as_bytes());
        let notices: BTreeSet<String> = assemble(main)
            .iter()
            .flat_map(|config| config.notices())
            .chain(module::notice().map(str::to_owned))
            .collect();
        for notice in notices {
            log::write(
                Some(main),
                Level::Notice,
                format!("ModSecurity: {notice}").as_bytes(),
            );
        }
        shared::create(main);
        logs::open(main, pool)?;
        connections::gather(main, pool);
        let Some(config) = dirconf::of_server(main).map(|config| config.resolved()) else {
            return Ok(());
        };
        if let Some(signature) = &config.server_signature {
            // SAFETY: httpd starts with one thread, and this hook comes after the core's.
            if !unsafe { server::change_banner(signature) } {
                let text = "ModSecurity: SecServerSignature: original signature too short. Please set ServerTokens to Full.";
                log::write(Some(main), Level::Error, text.as_bytes());
            }
        }
        config
            .chroot
            .as_deref()
            .map_or(Ok(()), |directory| confine(main, directory))
    })
}

/// The process is confined already: a restart reads the configuration inside.
static CONFINED: AtomicBool = AtomicBool::new(false);

/// `SecChrootDir`: a directory becomes the root. Logs are open by now, and so are listening sockets; all else that is opened
/// later must be inside.
fn confine(main: Server<'_>, directory: &Path) -> Started {
    if CONFINED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let entered = chroot(directory).and_then(|()| std::env::set_current_dir("/"));
    let shown = directory.display();
    match entered {
        Ok(()) => {
            CONFINED.store(true, Ordering::Relaxed);
            log::write(
                Some(main),
                Level::Notice,
                format!("ModSecurity: chroot successful, path={shown}").as_bytes(),
            );
            Ok(())
        }
        Err(error) => {
            let text = format!("ModSecurity: chroot failed, path={shown}: {error}");
            log::write(Some(main), Level::Emergency, text.as_bytes());
            Err(())
        }
    }
}

/// Makes ready what children will open.
fn prepare_collections(main: Server<'_>) -> Started {
    let Some(config) = dirconf::of_server(main) else {
        return Ok(());
    };
    let collections = &config.resolved().collections;
    collections
        .prepare(server::user_of_children())
        .map_err(|why| {
            let line = format!("ModSecurity: {why}");
            log::write(Some(main), Level::Emergency, line.as_bytes());
        })
}

/// `child_init`: a child process begins, with its rights already reduced.
pub(super) unsafe extern "C" fn child_init(pool: *mut sys::apr_pool_t, main: *mut sys::server_rec) {
    guard::enter("child_init", || {
        // SAFETY: the child's own pool, and the main server of the configuration that it serves.
        if let (Some(main), Some(pool)) = unsafe { (Server::from_raw(main), Pool::from_raw(pool)) }
        {
            logs::enter_child(main, pool);
        }
    });
}

/// Everything that a request can meet outside nested sections: the servers, and each of their sections.
fn assemble(main: Server<'_>) -> Vec<Arc<Config>> {
    let mut configs = Vec::new();
    for server in main.chain() {
        let Some(outside) = dirconf::of_server(server) else {
            continue;
        };
        configs.push(outside.resolved());
        configs.extend(
            dirconf::of_sections(server).map(|inside| DirConfig::merge(outside, inside).resolved()),
        );
    }
    configs
}
