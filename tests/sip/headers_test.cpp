#include "sip/headers.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using sip::Method;

TEST_CASE("CSeq (RFC 3261 20.16)") {
  const struct {
    const char* text;
    const char* expected;
  } rows[] = {{"20 MESSAGE", "20 7 MESSAGE"},
              {" 0009\r\n INVITE ", "9 1 INVITE"},
              {"2147483647 FOO", "2147483647 0 FOO"},
              {"2147483648 INVITE", "bad CSeq"},
              {"INVITE", "bad CSeq"},
              {"1", "bad CSeq"},
              {"1 INVITE x", "bad CSeq"},
              {"-1 INVITE", "bad CSeq"},
              {"", "bad CSeq"}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto c = sip::parse_cseq(row.text);
    CHECK((c ? fmt::format("{} {} {}", c->number, static_cast<int>(c->method), c->method_text)
             : c.error().message()) == row.expected);
  }
}

TEST_CASE("Content-Type is compared without case and parameters") {
  const auto type = *sip::parse_content_type("Application/MANSCDP+xml ; charset=\"gb2312\"");
  CHECK(type.is("application/manscdp+XML"));
  CHECK(!type.is("application/sdp"));
  CHECK(!type.is("application"));
  CHECK(type.params.get("charset") == "gb2312");
  CHECK(sip::parse_content_type("text / plain")->is("text/plain"));
  for (const char* bad : {"", "text", "text/", "/plain", "text/plain x"}) {
    CAPTURE(bad);
    CHECK(!sip::parse_content_type(bad));
  }
}

TEST_CASE("numbers") {
  const struct {
    const char* text;
    long expected;  // -1: an error
  } rows[] = {{"70", 70},
              {"0", 0},
              {" 3600 ", 3600},
              {"18000;duration=3600", 18000},
              {"5 (in a meeting)", 5},
              {"99999999999999999999999", 4294967295},
              {"", -1},
              {"x", -1},
              {"7x", -1},
              {"-7", -1}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto n = sip::parse_number(row.text);
    CHECK((n ? static_cast<long>(*n) : -1) == row.expected);
  }
}

TEST_CASE("Event and Subscription-State (RFC 6665 8.2)") {
  const auto event = *sip::parse_event("Catalog;id=1894");
  CHECK(event.package == "Catalog");
  CHECK(event.id == "1894");
  CHECK(sip::parse_event("presence")->id.empty());
  CHECK(!sip::parse_event(";id=1"));

  using State = sip::SubscriptionState::State;
  const auto active = *sip::parse_subscription_state("Active;expires=3580;retry-after=0");
  CHECK(active.state == State::active);
  CHECK(active.expires == 3580u);
  CHECK(active.retry_after == 0u);
  const auto ended = *sip::parse_subscription_state("terminated ;reason=timeout");
  CHECK(ended.state == State::terminated);
  CHECK(ended.reason == "timeout");
  CHECK(!ended.expires);
  CHECK(sip::parse_subscription_state("waiting")->state == State::other);
  CHECK(!sip::parse_subscription_state(""));
}

TEST_CASE("RAck and Session-Expires") {
  const auto rack = *sip::parse_rack("776656 1 INVITE");
  CHECK(rack.rseq == 776656);
  CHECK(rack.cseq.number == 1);
  CHECK(rack.cseq.method == Method::invite);
  CHECK(!sip::parse_rack("1 INVITE"));
  const auto expires = *sip::parse_session_expires("1800;refresher=UAC");
  CHECK(expires.seconds == 1800);
  CHECK(expires.refresher == sip::SessionExpires::Refresher::uac);
  CHECK(!sip::parse_session_expires("soon"));
}

TEST_CASE("methods keep their letter case, statuses have phrases") {
  for (int i = 1; i <= static_cast<int>(Method::publish); ++i) {
    const auto method = static_cast<Method>(i);
    CHECK(sip::method_from(to_string(method)) == method);
  }
  CHECK(sip::method_from("invite") == Method::unknown);
  CHECK(sip::method_from("") == Method::unknown);
  CHECK(sip::reason_phrase(423) == "Interval Too Brief");
  CHECK(sip::reason_phrase(101) == "Trying");
  CHECK(sip::reason_phrase(499) == "Request Failed");
  CHECK(sip::reason_phrase(0) == "Unknown");
}
