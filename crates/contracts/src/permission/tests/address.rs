//! Addresses by hand, and every IPv4 address in its IPv6 disguises.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::permission::{AddressClass as C, AddressPolicy, is_private_address};

#[track_caller]
fn check(rows: &[(&str, C)]) {
    for (text, class) in rows {
        let address: IpAddr = text.parse().unwrap();
        assert_eq!(C::of(address), *class, "{text}");
        assert_eq!(is_private_address(address), *class != C::Public, "{text}");
    }
}

#[test]
fn ipv4_addresses_have_the_class_of_their_block() {
    check(&[
        ("8.8.8.8", C::Public),
        ("1.1.1.1", C::Public),
        ("0.0.0.0", C::Unspecified),
        ("0.1.2.3", C::Unspecified),
        ("127.0.0.1", C::Loopback),
        ("127.255.255.254", C::Loopback),
        ("128.0.0.1", C::Public),
        ("9.255.255.255", C::Public),
        ("10.0.0.1", C::Private),
        ("11.0.0.0", C::Public),
        ("172.15.255.255", C::Public),
        ("172.16.0.1", C::Private),
        ("172.31.255.255", C::Private),
        ("172.32.0.0", C::Public),
        ("192.168.1.1", C::Private),
        ("192.169.0.0", C::Public),
        ("100.63.255.255", C::Public),
        ("100.64.0.1", C::Shared),
        ("100.127.255.255", C::Shared),
        ("100.128.0.0", C::Public),
        ("169.254.1.1", C::LinkLocal),
        ("169.254.169.254", C::Metadata),
        ("100.100.100.200", C::Metadata),
        ("168.63.129.16", C::Metadata),
        ("192.0.0.1", C::Reserved),
        ("192.0.2.1", C::Documentation),
        ("198.51.100.7", C::Documentation),
        ("203.0.113.9", C::Documentation),
        ("198.18.0.1", C::Reserved),
        ("198.19.255.255", C::Reserved),
        ("224.0.0.1", C::Multicast),
        ("239.255.255.255", C::Multicast),
        ("240.0.0.1", C::Reserved),
        ("255.255.255.255", C::Broadcast),
    ]);
}

#[test]
fn ipv6_addresses_have_the_class_of_their_block_or_of_the_address_they_stand_for() {
    check(&[
        ("2606:4700:4700::1111", C::Public),
        ("::", C::Unspecified),
        ("::1", C::Loopback),
        ("::2", C::Unspecified),
        ("fc00::1", C::Private),
        ("fdff::1", C::Private),
        ("fd00:ec2::254", C::Metadata),
        ("fe80::1", C::LinkLocal),
        ("febf::1", C::LinkLocal),
        ("fec0::1", C::Private),
        ("ff02::1", C::Multicast),
        ("2001:db8::1", C::Documentation),
        ("3fff:fff::1", C::Documentation),
        ("2001::1", C::Reserved),
        ("100::1", C::Reserved),
        ("4000::1", C::Reserved),
        ("64:ff9b:1::1", C::Private),
        ("::ffff:169.254.169.254", C::Metadata),
        ("::ffff:8.8.8.8", C::Public),
        ("::127.0.0.1", C::Loopback),
        ("::ffff:0:10.0.0.1", C::Private),
        ("64:ff9b::10.0.0.1", C::Private),
        ("64:ff9b::8.8.8.8", C::Public),
        ("2002:7f00:1::", C::Loopback),
        ("2002:a9fe:a9fe::1", C::Metadata),
    ]);
}

#[test]
fn a_policy_lets_out_what_it_names_and_nothing_near_it() {
    let metadata = "169.254.169.254".parse().unwrap();
    let neighbour = "169.254.1.1".parse().unwrap();
    let public = "8.8.8.8".parse().unwrap();
    let local: IpAddr = Ipv4Addr::LOCALHOST.into();
    let strict = AddressPolicy::public_only();
    assert!(strict.check(public).is_ok());
    let refused = strict.check(local).unwrap_err();
    assert_eq!(refused.to_string(), "127.0.0.1 is a loopback address, and no request may connect to it");
    let link = strict.clone().allow_class(C::LinkLocal);
    assert!(link.check(neighbour).is_ok());
    assert!(link.check(metadata).is_err(), "metadata is no part of link-local");
    let one = strict.allow_address("::ffff:127.0.0.1".parse().unwrap());
    assert!(one.check(local).is_ok(), "a mapped address is the address it maps");
    assert!(one.check("127.0.0.2".parse().unwrap()).is_err());
}

proptest! {
    #[test]
    fn no_disguise_changes_the_class(bits in prop_oneof![
        any::<u32>(),
        (0_u32..1 << 24).prop_map(|low| 127 << 24 | low),
        (0_u32..1 << 16).prop_map(|low| 0xa9fe << 16 | low),
        (0_u32..1 << 24).prop_map(|low| 10 << 24 | low),
    ]) {
        let v4 = Ipv4Addr::from_bits(bits);
        let class = C::of(v4.into());
        let (high, low) = ((bits >> 16) as u16, (bits & 0xffff) as u16);
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
        let six_to_four = Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1);
        for disguised in [v4.to_ipv6_mapped(), nat64, six_to_four] {
            prop_assert_eq!(C::of(disguised.into()), class, "{} as {}", v4, disguised);
        }
    }

    #[test]
    fn the_standard_library_agrees_where_it_has_an_opinion(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
            || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
        prop_assert!(!special || is_private_address(v4.into()), "{}", v4);
    }
}
