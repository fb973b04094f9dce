//! Zones by name, and days in them.

use proptest::prelude::*;

use super::*;

fn check(name: &str, expected: Result<&str, &str>) {
    let found = parse(name);
    let shown = found.as_ref().map(Zone::name).map_err(ToString::to_string);
    assert_eq!(shown.as_ref().map_err(String::as_str).copied(), expected, "{name:?}");
}

#[test]
fn a_name_is_found_or_a_near_one_offered() {
    check("Asia/Shanghai", Ok("Asia/Shanghai"));
    check("asia/shanghai", Ok("Asia/Shanghai"));
    check(" Europe/Berlin ", Ok("Europe/Berlin"));
    check("UTC", Ok("UTC"));
    check("", Err("find a time zone: the name is empty"));
    check("Asia/Shangai", Err("find time zone \"Asia/Shangai\": did you mean Asia/Shanghai?"));
    check("Asia/Beijing", Err("find time zone \"Asia/Beijing\": did you mean Asia/Shanghai?"));
    check("UTC+8", Err("find time zone \"UTC+8\": did you mean Asia/Shanghai?"));
    check(
        "nowhere at all, really not",
        Err("find time zone \"nowhere at all, really not\": it is not in the IANA database"),
    );
}

#[test]
fn a_near_city_is_offered_without_its_continent() {
    let Err(ZoneError::Unknown { near, .. }) = parse("Shanghai") else { panic!("it is no zone") };
    assert_eq!(near.first().map(String::as_str), Some("Asia/Shanghai"));
}

#[test]
fn a_hostile_name_is_cut_and_escaped() {
    let shown = parse(&"a\n".repeat(500)).unwrap_err().to_string();
    assert!(shown.len() < 300 && !shown.contains('\n'), "{shown}");
    assert!(parse("../../etc/passwd").is_err());
}

#[test]
fn a_day_is_the_day_of_the_place() {
    // 2026-03-08T15:30:00Z: still Sunday in New York and London, already Sunday night in Shanghai.
    let rows = [
        ("UTC", 1_772_983_800, "2026-03-08"),
        ("Asia/Shanghai", 1_772_983_800, "2026-03-08"),
        ("Asia/Shanghai", 1_772_985_600, "2026-03-09"),
        ("America/New_York", 1_772_985_600, "2026-03-08"),
        // The clocks of New York jumped that morning: 04:59 and 05:00 UTC lie around its midnight.
        ("America/New_York", 1_772_945_999, "2026-03-07"),
        ("America/New_York", 1_772_946_000, "2026-03-08"),
        ("UTC", -1, "1969-12-31"),
    ];
    for (zone, seconds, expected) in rows {
        let zone = parse(zone).unwrap();
        assert_eq!(zone.day_of(seconds).to_string(), expected, "{} {seconds}", zone.name());
    }
    assert_eq!(Zone::utc().name(), "UTC");
}

proptest! {
    // Every unknown name is compared with some 600 zones.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_name_or_a_second_of_any_kind_is_answered(name in ".{0,80}", seconds in any::<i64>()) {
        if let Ok(zone) = parse(&name) {
            prop_assert!(zone.name().is_ascii());
        }
        Zone::utc().day_of(seconds);
    }

    #[test]
    fn days_never_run_backwards(start in -4_000_000_000_i64..4_000_000_000, step in 0_i64..100_000) {
        let zone = parse("America/New_York").unwrap();
        prop_assert!(zone.day_of(start) <= zone.day_of(start + step));
    }
}
