//! The rules that are measured, as directives that mod_security2 and Palisade both understand.
#![allow(dead_code)] // each benchmark uses its part

use std::path::Path;

use crate::material;

/// Which rules a request meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// The engine switched on, and no rule.
    NoRules,
    /// The Core Rule Set at its defaults, at this paranoia level.
    CoreRuleSet(u8),
    /// The shipped pingback policy, as shipped.
    Pingbacks,
    /// One rule, which counts a client's requests in a persistent collection.
    Counter,
}

impl Policy {
    /// The directives. The settings are the shipped recommended ones; the Core Rule Set is included as its installation
    /// guide says, with bodies of responses inspected, as it expects.
    ///
    /// Beyond the first paranoia level harmless requests are found suspicious, too. There the thresholds are raised, so
    /// that all of them are looked at to the end, and answered.
    pub fn directives(self) -> String {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("apache-conf");
        let crs = material::crs();
        let (shipped, crs) = (shipped.display(), crs.display());
        let mut text = format!("Include {shipped}/recommended.conf\n");
        match self {
            Policy::Pingbacks => text.push_str(&format!("Include {shipped}/rules/pingback.conf\n")),
            Policy::NoRules | Policy::Counter => {
                text.push_str("SecResponseBodyAccess On\nSecRuleRemoveById 200000-200007\n");
                if self == Policy::Counter {
                    text.push_str(
                        "SecAction \"id:1,phase:1,pass,t:none,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1\"\n",
                    );
                }
            }
            Policy::CoreRuleSet(level) => {
                text.push_str("SecResponseBodyAccess On\n");
                text.push_str("SecPcreMatchLimit 100000\nSecPcreMatchLimitRecursion 100000\n");
                text.push_str(&format!("Include {crs}/crs-setup.conf.example\n"));
                if level > 1 {
                    text.push_str(&format!(
                        "SecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level={level}\"\n\
                         SecAction \"id:900110,phase:1,pass,t:none,nolog,setvar:tx.inbound_anomaly_score_threshold=10000,\
                         setvar:tx.outbound_anomaly_score_threshold=10000\"\n"
                    ));
                }
                text.push_str(&format!("Include {crs}/rules/*.conf\n"));
            }
        }
        text
    }
}
