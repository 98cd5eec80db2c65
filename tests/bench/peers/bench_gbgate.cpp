// Ours. Built three times: PART 0 is the whole contract, 1 the index alone (start line, headers,
// body), 2 the index and what a proxy or a registrar asks first.
#include <cstring>

#include "driver.hpp"
#include "sip/message.hpp"

#ifndef PART
#define PART 0
#endif

namespace {

void read_start_line(const sip::MessageView& m, Fields& f) {
  f.is_request = m.is_request();
  f.status = m.status();
  f.method = m.method_text();
  if (!m.is_request()) return;
  if (const auto uri = m.request_uri()) {
    f.uri_user = uri->user;
    f.uri_host = uri->host.host;
  }
}

void read_via(const sip::MessageView& m, Fields& f) {
  const auto via = m.via();
  if (!via) return;
  f.branch = via->branch;
  f.via_host = via->sent_by.host;
  f.via_port = via->sent_by.port;
}

void read_parties(const sip::MessageView& m, Fields& f) {
  if (const auto from = m.from()) {
    f.from_user = from->uri.user;
    f.from_host = from->uri.host.host;
    f.from_tag = from->tag();
  }
  if (const auto to = m.to()) {
    f.to_user = to->uri.user;
    f.to_host = to->uri.host.host;
    f.to_tag = to->tag();
  }
}

void read_cseq(const sip::MessageView& m, Fields& f) {
  f.call_id = m.call_id();
  if (const auto cseq = m.cseq()) {
    f.cseq = cseq->number;
    f.cseq_method = cseq->method_text;
  }
}

void read_rest(const sip::MessageView& m, Fields& f) {
  if (m.has(sip::HeaderId::contact)) {
    if (const auto contact = m.contact()) {
      f.contact_user = contact->uri.user;
      f.contact_host = contact->uri.host.host;
    }
  }
  if (m.has(sip::HeaderId::max_forwards)) {
    if (const auto hops = m.max_forwards()) f.max_forwards = *hops;
  }
  if (m.has(sip::HeaderId::content_type)) {
    if (const auto type = m.content_type()) {
      f.type = type->type;
      f.subtype = type->subtype;
    }
  }
  f.content_length = m.content_length().value_or(0);
  f.body = m.body();
}

char receive_buffer[max_datagram];
sip::MessageView view;

}  // namespace

bool parser_setup() {
  return true;
}

bool parse_one(std::string_view datagram, Sink sink) {
  Fields f;
  std::memcpy(receive_buffer, datagram.data(), datagram.size());
  if (!sip::parse_message({receive_buffer, datagram.size()}, view)) return false;
  if (PART == 1) {
    f.method = view.method_text();
    f.body = view.body();
  }
  if (PART != 1) {
    read_start_line(view, f);
    read_via(view, f);
    read_parties(view, f);
    read_cseq(view, f);
  }
  if (PART == 0) read_rest(view, f);
  sink(f);
  return true;
}
