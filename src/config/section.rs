//! One configuration section, and what sections give when they are merged.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::connections::ConnectionLimits;
use super::directive::Problem;
use super::settings::{KeepFiles, Settings, Stated};
use crate::actions::{ActionList, AuditEngine};
use crate::audit::Target;
use crate::client::Policy;
use crate::operators::{GrammarLoader, Kind, UnreadGrammars};
use crate::ruleset::{Layer, LayerBuilder, RuleSet};
use crate::types::{EngineMode, Phase};

/// One configuration section as httpd keeps it: open while it is read, then merged and resolved.
pub struct DirConfig {
    section: Mutex<Section>,
    frozen: OnceLock<Frozen>,
    resolved: OnceLock<Arc<Config>>,
    /// Results of merging a child into this section: the child, and what came out. A child is named by its address,
    /// which cannot be reused while the result holds it.
    merged: Mutex<Vec<(Arc<DirConfig>, Arc<DirConfig>)>>,
}

/// How many merge results a section remembers. Sections of the configuration files are few; .htaccess makes a new one
/// for every request, and must not fill memory.
const REMEMBERED_MERGES: usize = 64;

/// A section that no longer changes.
struct Frozen {
    stated: Stated,
    layers: Vec<Arc<Layer>>,
}

/// A section while it is read.
#[derive(Clone)]
pub(super) struct Section {
    pub(super) stated: Stated,
    pub(super) rules: LayerBuilder,
    /// `SecDefaultAction`, one a phase. Not inherited by other sections.
    pub(super) defaults: [Option<ActionList>; 5],
    /// The phase of the last of them.
    pub(super) default_phase: Phase,
    /// What reads the grammars that rules name.
    pub(super) grammars: &'static dyn GrammarLoader,
}

impl Default for Section {
    fn default() -> Self {
        Section {
            stated: Stated::default(),
            rules: LayerBuilder::default(),
            defaults: Default::default(),
            default_phase: Phase::RequestBody,
            grammars: &UnreadGrammars,
        }
    }
}

/// What a transaction runs under.
pub struct Config {
    /// The values in force.
    pub settings: Settings,
    /// The rules in force.
    pub rules: Arc<RuleSet>,
    /// Who the client is.
    pub client_policy: Policy,
}

impl std::ops::Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl DirConfig {
    /// An empty section that is only looked at: the grammars that rules name are not read.
    pub fn new() -> Arc<DirConfig> {
        DirConfig::with_grammars(&UnreadGrammars)
    }

    /// An empty section, and what reads the grammars that rules name.
    pub fn with_grammars(grammars: &'static dyn GrammarLoader) -> Arc<DirConfig> {
        let section = Section {
            grammars,
            ..Section::default()
        };
        Arc::new(DirConfig {
            section: Mutex::new(section),
            frozen: OnceLock::new(),
            resolved: OnceLock::new(),
            merged: Mutex::default(),
        })
    }

    /// What holds where `child` lies inside `parent`.
    ///
    /// httpd calls this for every request that enters a section, so the answer is remembered and nothing is copied that
    /// grows with the number of rules.
    pub fn merge(parent: &Arc<DirConfig>, child: &Arc<DirConfig>) -> Arc<DirConfig> {
        let mut known = parent.merged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, merged)) = known
            .iter()
            .find(|(merged_child, _)| Arc::ptr_eq(merged_child, child))
        {
            return Arc::clone(merged);
        }
        let (outer, inner) = (parent.freeze(), child.freeze());
        let mut stated = inner.stated.over(&outer.stated);
        // Compat: these add up.
        if let (Some(outer), Some(inner)) = (&outer.stated.hash_methods, &inner.stated.hash_methods)
        {
            stated.hash_methods = Some(Arc::new(
                outer.iter().chain(&**inner).map(Arc::clone).collect(),
            ));
        }
        let frozen = Frozen {
            stated,
            layers: outer
                .layers
                .iter()
                .chain(&inner.layers)
                .map(Arc::clone)
                .collect(),
        };
        let merged = Arc::new(DirConfig {
            section: Mutex::default(),
            frozen: OnceLock::from(frozen),
            resolved: OnceLock::new(),
            merged: Mutex::default(),
        });
        // A section without rules of its own runs its parent's set.
        if inner.layers.iter().all(|layer| layer.is_empty())
            && let Some(config) = parent.resolved.get()
        {
            let shared = Config::new(merged.freeze().stated.settle(), Arc::clone(&config.rules));
            let _ = merged.resolved.set(Arc::new(shared));
        }
        if known.len() == REMEMBERED_MERGES {
            known.remove(0);
        }
        known.push((Arc::clone(child), Arc::clone(&merged)));
        merged
    }

    /// The configuration in force. The first call assembles the rules; after that it costs nothing.
    pub fn resolved(&self) -> Arc<Config> {
        let config = self.resolved.get_or_init(|| {
            let frozen = self.freeze();
            let rules = RuleSet::assemble(frozen.layers.iter().map(|layer| &**layer));
            Arc::new(Config::new(frozen.stated.settle(), Arc::new(rules)))
        });
        Arc::clone(config)
    }

    /// The logs that the section itself names. To be asked once the whole configuration has been read.
    pub fn logs(&self) -> Vec<Arc<Target>> {
        let stated = &self.freeze().stated;
        let named = [&stated.audit_log, &stated.audit_log2];
        let guardian = stated.guardian.iter().flatten();
        let guardian = guardian.map(|guardian| &guardian.target);
        let logins = stated.login_log.iter().filter_map(|log| log.target());
        let named = named.into_iter().flatten().flatten();
        named.chain(guardian).chain(logins).cloned().collect()
    }

    /// Adds what the section itself says about connections. To be asked once the whole configuration has been read.
    pub fn add_connection_limits(&self, limits: &mut ConnectionLimits) {
        let stated = &self.freeze().stated;
        if let Some(engine) = stated.connection_engine {
            limits.engine = engine;
        }
        if let Some(reading) = &stated.connections_reading {
            limits.reading.add(reading);
        }
        if let Some(writing) = &stated.connections_writing {
            limits.writing.add(writing);
        }
    }

    pub(super) fn edit(
        &self,
        change: impl FnOnce(&mut Section) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if self.frozen.get().is_some() {
            return Err(
                "ModSecurity: this section was already in use when the directive was read".into(),
            );
        }
        change(&mut self.section.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(super) fn remembered_merges(&self) -> usize {
        self.merged.lock().map_or(0, |known| known.len())
    }

    fn freeze(&self) -> &Frozen {
        self.frozen.get_or_init(|| {
            let section =
                std::mem::take(&mut *self.section.lock().unwrap_or_else(PoisonError::into_inner));
            let layer = section.rules.finish();
            Frozen {
                stated: section.stated,
                layers: vec![Arc::new(layer)],
            }
        })
    }
}

impl Section {
    /// Remembers a sentence for the administrator.
    pub(super) fn note(&mut self, text: String) {
        let notes = Arc::make_mut(self.stated.notes.get_or_insert_default());
        if !notes.contains(&text) {
            notes.push(text);
        }
    }
}

impl Config {
    fn new(settings: Settings, rules: Arc<RuleSet>) -> Config {
        let client_policy = Policy {
            source: settings.client_source,
            trusted: (*settings.trusted_proxies).clone(),
            header: (*settings.client_header).clone(),
        };
        Config {
            settings,
            rules,
            client_policy,
        }
    }

    /// The same rules with other settings.
    pub fn with(&self, change: impl FnOnce(&mut Settings)) -> Arc<Config> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Arc::new(Config::new(settings, Arc::clone(&self.rules)))
    }

    /// Whether a request needs a transaction at all.
    pub fn active(&self) -> bool {
        self.engine != EngineMode::Off
            || self.audit_engine != AuditEngine::Off
            || self.guardian.is_some()
    }

    /// What becomes of clients that are banned: `SecBanEngine`, which is on where there is a `SecBanFile`, as far as `SecRuleEngine`
    /// goes.
    pub fn ban_mode(&self) -> EngineMode {
        let default = match self.ban_file {
            Some(_) => EngineMode::On,
            None => EngineMode::Off,
        };
        match (self.engine, self.ban_engine.unwrap_or(default)) {
            (EngineMode::Off, _) | (_, EngineMode::Off) => EngineMode::Off,
            (EngineMode::On, EngineMode::On) => EngineMode::On,
            _ => EngineMode::DetectionOnly,
        }
    }

    /// Whether rules ban, and not a file alone.
    pub fn rules_ban(&self) -> bool {
        self.ban_engine.is_some()
    }

    /// Whether uploaded files go to disk while they are inspected: a directive or a rule wants them there.
    pub fn stores_uploads(&self) -> bool {
        let inspects = || {
            let mut rules = self.rules.chains().flat_map(|chain| &chain.rules);
            rules.any(|rule| rule.test.operator.kind() == Kind::InspectFile)
        };
        self.tmp_save_uploaded_files || self.upload_keep_files != KeepFiles::Off || inspects()
    }

    /// Whether uploaded files are kept when a transaction is over that the audit log would take (`relevant`) or not.
    pub fn keeps_uploads(&self, relevant: bool) -> bool {
        match self.upload_keep_files {
            KeepFiles::Off => false,
            KeepFiles::On => true,
            KeepFiles::RelevantOnly => relevant,
        }
    }
}
