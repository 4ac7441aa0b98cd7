//! Prepares the httpd module: Rust bindings for the installed httpd's headers, and the linker flag that keeps the library
//! resident. With the feature `apache` off there is nothing to prepare.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "apache")]
    if let Err(problem) = httpd::prepare().and_then(|()| libxml2::prepare()) {
        for line in problem.lines() {
            println!("cargo::error={line}");
        }
    }
}

#[cfg(feature = "apache")]
mod libxml2 {
    use std::env;
    use std::path::PathBuf;
    use std::process::Command;

    const WRAPPER: &str = "src/apache/libxml/wrapper.h";

    const HOW_TO_DO: &str = "\
Debian, Ubuntu:            apt-get install libxml2-dev pkg-config
RHEL, Fedora and rebuilds: dnf install libxml2-devel pkgconf-pkg-config
Without @validateSchema and @validateDTD: cargo build --no-default-features --features apache";

    /// Where the feature is on: bindings for the installed libxml2, and the words that link it.
    pub fn prepare() -> Result<(), String> {
        if env::var_os("CARGO_FEATURE_LIBXML2").is_none() {
            return Ok(());
        }
        println!("cargo:rerun-if-changed={WRAPPER}");
        let output = Command::new("pkg-config")
            .args(["--cflags", "--libs", "libxml-2.0"])
            .output()
            .map_err(|error| format!("pkg-config cannot be run: {error}\n{HOW_TO_DO}"))?;
        if !output.status.success() {
            return Err(format!("pkg-config does not know libxml-2.0.\n{HOW_TO_DO}"));
        }
        let flags = String::from_utf8_lossy(&output.stdout).into_owned();
        for flag in flags.split_whitespace() {
            if let Some(directory) = flag.strip_prefix("-L") {
                println!("cargo:rustc-link-search=native={directory}");
            } else if let Some(library) = flag.strip_prefix("-l") {
                println!("cargo:rustc-link-lib={library}");
            }
        }
        let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
        bindgen::Builder::default()
            .header(WRAPPER)
            .clang_args(flags.split_whitespace().filter(|flag| flag.starts_with("-I")))
            .rust_target(bindgen::RustTarget::stable(85, 0).map_err(|error| error.to_string())?)
            .rust_edition(bindgen::RustEdition::Edition2024)
            .default_enum_style(bindgen::EnumVariation::Consts)
            .layout_tests(true)
            .generate_comments(false)
            .derive_debug(false)
            .allowlist_function("xml(InitParser|SchemaInitTypes|(Get|Set|NoNet)ExternalEntityLoader)")
            .allowlist_function("xml(NewParserCtxt|FreeParserCtxt|CtxtReadMemory|CtxtGetLastError|FreeDoc|PathToURI)")
            .allowlist_function("xmlSchema(New|Free)(Parser|Valid)Ctxt|xmlSchema(Parse|Free|ValidateDoc)")
            .allowlist_function("xmlSchemaSet(Parser|Valid)StructuredErrors")
            .allowlist_function("xml(New|Free)ValidCtxt|xmlValidateDtd")
            .allowlist_function("xmlSetStructuredErrorFunc|__xmlStructuredError(Context)?")
            .allowlist_var("xmlFree")
            .allowlist_type("xmlParserOption")
            .generate()
            .map_err(|error| format!("libxml2's headers could not be read: {error}"))?
            .write_to_file(out.join("libxml2.rs"))
            .map_err(|error| format!("the bindings could not be written: {error}"))
    }
}

#[cfg(feature = "apache")]
mod httpd {
    use std::env;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    const WRAPPER: &str = "src/apache/wrapper.h";

    const HOW_TO_GET_HEADERS: &str = "\
Debian, Ubuntu:            apt-get install apache2-dev libclang-dev
RHEL, Fedora and rebuilds: dnf install httpd-devel clang-devel
An httpd of your own:      APXS=/usr/local/apache2/bin/apxs cargo build --release
The engine, the command line tool and their tests need no httpd: cargo build --no-default-features";

    pub fn prepare() -> Result<(), String> {
        println!("cargo:rerun-if-changed={WRAPPER}");
        println!("cargo:rerun-if-env-changed=APXS");
        // httpd unloads its modules between reading the configuration and at every restart. A Rust library must not be
        // unmapped: threads may still have to run its thread-local destructors.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");

        let apxs = find_apxs()?;
        let flags = preprocessor_flags(&apxs)?;
        // bindgen panics where there is no libclang to load; its message is for those who know bindgen.
        std::panic::set_hook(Box::new(|_| ()));
        let generated = std::panic::catch_unwind(|| generate(&flags));
        let _ = std::panic::take_hook();
        match generated {
            Ok(result) => result,
            Err(_) => Err(format!(
                "libclang, which reads httpd's C headers, was not found.\n{HOW_TO_GET_HEADERS}\n\
                 Where it is installed in an unusual place: LIBCLANG_PATH=/directory/of/libclang.so cargo build"
            )),
        }
    }

    /// The tool that knows where an httpd keeps its headers: `$APXS`, or one in the path, or one in the usual places.
    fn find_apxs() -> Result<PathBuf, String> {
        if let Some(stated) = env::var_os("APXS") {
            let apxs = PathBuf::from(stated);
            return match query(&apxs, "INCLUDEDIR") {
                Some(_) => Ok(apxs),
                None => Err(format!(
                    "APXS={} cannot be run, or does not know its INCLUDEDIR.",
                    apxs.display()
                )),
            };
        }
        let candidates = [
            "apxs",
            "apxs2",
            "/usr/bin/apxs",
            "/usr/sbin/apxs",
            "/usr/local/apache2/bin/apxs",
        ];
        candidates
            .into_iter()
            .map(PathBuf::from)
            .find(|apxs| query(apxs, "INCLUDEDIR").is_some())
            .ok_or_else(|| {
                format!("apxs, which tells where httpd's headers are, was not found.\n{HOW_TO_GET_HEADERS}")
            })
    }

    /// One value of `apxs -q`, without surrounding white space. `None` where it fails or says nothing.
    fn query(apxs: &Path, name: &str) -> Option<String> {
        let output = Command::new(apxs).args(["-q", name]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let text = text.trim();
        (output.status.success() && !text.is_empty()).then(|| text.to_owned())
    }

    /// The `-I`, `-D` and `-U` flags that httpd's own modules are compiled with.
    fn preprocessor_flags(apxs: &Path) -> Result<Vec<String>, String> {
        let mut flags = Vec::new();
        for name in ["INCLUDEDIR", "APR_INCLUDEDIR", "APU_INCLUDEDIR"] {
            if let Some(directory) = query(apxs, name) {
                let flag = format!("-I{directory}");
                if !flags.contains(&flag) {
                    flags.push(flag);
                }
            }
        }
        for header in ["httpd.h", "apr.h", "apu.h"] {
            let present = flags
                .iter()
                .any(|flag| Path::new(&flag[2..]).join(header).is_file());
            if !present {
                return Err(format!(
                    "{header} is in none of the directories that {} names ({}).\n{HOW_TO_GET_HEADERS}",
                    apxs.display(),
                    flags.join(" ")
                ));
            }
        }
        for name in ["EXTRA_CPPFLAGS", "CPPFLAGS", "EXTRA_CFLAGS"] {
            let text = query(apxs, name).unwrap_or_default();
            flags.extend(
                text.split_whitespace()
                    .filter(|word| ["-I", "-D", "-U"].iter().any(|kind| word.starts_with(kind)))
                    // Fortified headers only warn when nothing is optimised, as here.
                    .filter(|word| !word.contains("_FORTIFY_SOURCE"))
                    .map(str::to_owned),
            );
        }
        // libclang packaged without its own headers (stddef.h and the like) can use the C compiler's.
        let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        if let Ok(output) = Command::new(compiler)
            .arg("-print-file-name=include")
            .output()
            && let Ok(directory) = String::from_utf8(output.stdout)
            && Path::new(directory.trim()).is_absolute()
        {
            flags.extend(["-idirafter".to_owned(), directory.trim().to_owned()]);
        }
        Ok(flags)
    }

    fn generate(flags: &[String]) -> Result<(), String> {
        let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
        let mut builder = bindgen::Builder::default()
            .header(WRAPPER)
            .clang_args(flags)
            .rust_target(bindgen::RustTarget::stable(85, 0).map_err(|error| error.to_string())?)
            .rust_edition(bindgen::RustEdition::Edition2024)
            // OK, DECLINED, HTTP_* and APLOG_* are all int in C.
            .default_macro_constant_type(bindgen::MacroTypeVariation::Signed)
            // A C enum may hold values that its declaration does not name.
            .default_enum_style(bindgen::EnumVariation::Consts)
            .layout_tests(true)
            .generate_comments(false)
            .derive_debug(false)
            // Nobody shall copy a record of httpd's out of its place by accident.
            .no_copy("request_rec|conn_rec|server_rec|process_rec|module_struct|cmd_parms_struct|core_.*_config");
        for function in FUNCTIONS {
            builder = builder.allowlist_function(function);
        }
        for name in TYPES {
            builder = builder.allowlist_type(name);
        }
        for name in VARIABLES {
            builder = builder.allowlist_var(name);
        }
        let bindings = builder
            .generate()
            .map_err(|error| format!("httpd's headers could not be read: {error}"))?;
        bindings
            .write_to_file(out.join("httpd.rs"))
            .map_err(|error| format!("the bindings could not be written: {error}"))
    }

    /// What is called. All of it is in httpd 2.4.52, the oldest that is supported, and in APR 1.6.
    const FUNCTIONS: &[&str] = &[
        "ap_hook_(pre_config|post_config|child_init|process_connection|post_read_request|fixups|handler|error_log|log_transaction)",
        "ap_add_common_vars",
        "ap_allow_standard_methods",
        "ap_ssl_conn_is_ssl",
        "ap_rwrite",
        "ap_set_content_(length|type)",
        "ap_create_environment",
        "ap_get_scoreboard_worker_from_indexes",
        "ap_update_child_status_from_conn",
        "ap_hook_insert_(filter|error_filter)",
        "ap_register_(input|output)_filter",
        "ap_send_http_options",
        "ap_add_(input|output)_filter_handle",
        "ap_get_input_filter_handle",
        "ap_remove_(input|output)_filter",
        "ap_(get|pass)_brigade",
        "ap_open_piped_log_ex",
        "ap_piped_log_(read|write)_fd",
        "ap_bucket_error_create",
        "ap_find_linked_module",
        "ap_get_server_(banner|description|name|port)",
        "ap_get_status_line",
        "ap_get_useragent_host",
        "ap_set_content_(length|type)",
        "ap_(get|set)_module_config",
        "ap_get_(request|server)_module_loglevel",
        "ap_log_r?error_",
        "ap_state_query",
        "ap_strcasecmp_match",
        "apr_array_push",
        "apr_dynamic_fn_retrieve",
        "apr_optional_hook_add",
        "apr_brigade_(create|cleanup)",
        "apr_file_(close|pipe_timeout_set)",
        "apr_os_file_get",
        "apr_bucket_(eos|flush|heap)_create",
        "apr_pool_cleanup_(register|null)",
        "apr_shm_(create|baseaddr_get)",
        "apr_pstrmemdup",
        "apr_table_(copy|get|make|set|unset)",
        "apr_uid_(current|name_get)",
        "apr_gid_name_get",
    ];

    const TYPES: &[&str] = &[
        "module",
        "command_rec",
        "cmd_parms",
        "ap_directive_t",
        "request_rec",
        "conn_rec",
        "server_rec",
        "core_server_config",
        "core_dir_config",
        "ap_errorlog_info",
        "worker_score",
        "apr_bucket_brigade",
        "apr_table_entry_t",
        "apr_array_header_t",
    ];

    const VARIABLES: &[&str] = &[
        "MODULE_MAGIC_(NUMBER_MAJOR|NUMBER_MINOR|COOKIE)",
        "OK|DECLINED|DONE",
        "HTTP_(BAD_REQUEST|FORBIDDEN|INTERNAL_SERVER_ERROR|METHOD_NOT_ALLOWED|MOVED_TEMPORARILY)",
        "AP_FILTER_ERROR",
        "APLOG_(EMERG|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG|TRACE1|LEVELMASK|STARTUP)",
        "APR_(SUCCESS|EOF|TIMEUP|ENOSPC|EGENERAL|INCOMPLETE|HOOK_.*)",
        "AP_MODE_.*|ap_input_mode_t_.*",
        "ap_filter_type_.*",
        "ap_conn_keepalive_e_.*",
        "apr_read_type_e_.*",
        "cmd_how_.*",
        "apr_cmdtype_e_.*",
        "apr_filetype_e_APR_NOFILE",
        "apr_bucket_type_t_.*",
        "AP_SQ_.*",
        "PROXYREQ_REVERSE",
        "AP_STATUS_SHORT",
        "M_(CONNECT|GET|OPTIONS|POST)",
        "REPLACE_ALLOW",
        "REMOTE_NAME",
        "RSRC_CONF|ACCESS_CONF",
        "ap_top_module",
        "ap_server_conf",
        "ap_server_root",
        "ap_scoreboard_image",
        "ap_extended_status",
        "SERVER_BUSY_(READ|WRITE)",
        "ap_unixd_config",
        "ap_server_config_defines",
        "core_module",
        "ap_bucket_type_error",
        "apr_bucket_type_(eos|file)",
    ];
}
