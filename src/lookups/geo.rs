//! Where an address is: databases in MaxMind's format (`.mmdb`), of any publisher.
//!
//! Compat: mod_security2 reads the older `.dat`, whose publisher ended it in 2022.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, geoip2};

use super::countries;

/// A database, read into memory.
#[derive(Debug)]
pub struct Database(Reader<Vec<u8>>);

/// What is known of a place. What a database does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    country_code: String,
    country_name: String,
    continent: String,
    region: String,
    city: String,
    postal_code: String,
    latitude: String,
    longitude: String,
    dma_code: String,
}

impl Database {
    /// Reads a database.
    ///
    /// # Errors
    /// A sentence: the file cannot be read, or is none, or is one of the older format.
    pub fn open(path: &Path) -> Result<Database, String> {
        let shown = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| format!("Could not open geo database \"{shown}\": {error}"))?;
        Reader::from_source(bytes).map(Database).map_err(|error| {
            match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dat")) {
                true => format!(
                    "\"{shown}\" is a GeoIP database of the old format, which nobody publishes any more: give one in the \
                     format .mmdb (GeoLite2-City, GeoLite2-Country, DB-IP City Lite and others)"
                ),
                false => format!("\"{shown}\" is no database in the format .mmdb: {error}"),
            }
        })
    }

    /// What is known of an address; `None` where nothing is, or the database is damaged there.
    pub fn locate(&self, address: IpAddr) -> Option<Location> {
        let record: geoip2::City<'_> = self.0.lookup(address).ok()?.decode().ok()??;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let degrees =
            |degrees: Option<f64>| degrees.map_or(String::new(), |degrees| format!("{degrees:.6}"));
        let country = match record.country.iso_code {
            Some(_) => record.country,
            None => record.registered_country,
        };
        let region = record.subdivisions.first();
        let location = Location {
            country_code: text(country.iso_code),
            country_name: text(country.names.english),
            continent: text(record.continent.code),
            region: text(region.and_then(|region| region.iso_code)),
            city: text(record.city.names.english),
            postal_code: text(record.postal.code),
            latitude: degrees(record.location.latitude),
            longitude: degrees(record.location.longitude),
            dma_code: record
                .location
                .metro_code
                .map_or(String::new(), |code| code.to_string()),
        };
        (location != Location::default()).then_some(location)
    }
}

impl Location {
    /// The keys of GEO, with their values.
    ///
    /// Compat: `AREA_CODE` is in no database of this format.
    pub fn fields(&self) -> [(&'static str, &str); 11] {
        [
            ("COUNTRY_CODE", &self.country_code),
            (
                "COUNTRY_CODE3",
                countries::three_letters(&self.country_code),
            ),
            ("COUNTRY_NAME", &self.country_name),
            ("COUNTRY_CONTINENT", &self.continent),
            ("REGION", &self.region),
            ("CITY", &self.city),
            ("POSTAL_CODE", &self.postal_code),
            ("LATITUDE", &self.latitude),
            ("LONGITUDE", &self.longitude),
            ("DMA_CODE", &self.dma_code),
            ("AREA_CODE", ""),
        ]
    }
}
