//! The order of a node's addresses.

use super::*;
use crate::clock;

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn at(last: u8) -> SocketAddr {
    SocketAddr::new(ip(last), 443)
}

#[test]
fn the_nearest_that_answers_comes_first_and_a_dead_one_last() {
    let now = clock::now();
    let mut addresses = Addresses::default();
    addresses.learn(&[ip(1)], &[at(2), at(3), at(1)], 443);
    assert_eq!(addresses.ranked(), [at(1), at(2), at(3)], "the configured one, then the name's");
    for (last, ms) in [(1, 200), (2, 80), (3, 40)] {
        let address = addresses.get_mut(at(last)).unwrap();
        address.up = Some(now);
        address.rtt.observe(Duration::from_millis(ms), now);
    }
    assert_eq!(addresses.ranked(), [at(3), at(2), at(1)]);
    addresses.get_mut(at(3)).unwrap().down = Some((now + Duration::from_secs(1), PathFault::Lost));
    assert_eq!(addresses.ranked(), [at(2), at(1), at(3)]);
    addresses.get_mut(at(3)).unwrap().up = Some(now + Duration::from_secs(2));
    assert_eq!(addresses.ranked(), [at(3), at(2), at(1)]);
}

#[test]
fn an_address_that_the_name_no_longer_has_is_forgotten() {
    let mut addresses = Addresses::default();
    addresses.learn(&[ip(1)], &[at(2), at(3)], 443);
    addresses.get_mut(at(2)).unwrap().half_open = 1;
    addresses.learn(&[ip(1)], &[at(4)], 443);
    let known: Vec<SocketAddr> = addresses.iter().map(|known| known.at).collect();
    assert_eq!(known, [at(1), at(2), at(4)], "a dial is still under way to the second");
    addresses.get_mut(at(2)).unwrap().half_open = 0;
    addresses.learn(&[ip(1)], &[at(4)], 443);
    assert_eq!(addresses.iter().count(), 2);
}
