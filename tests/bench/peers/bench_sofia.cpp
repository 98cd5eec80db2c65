// Debian's libsofia-sip-ua-dev: the way of a message through its transport layer
// (msg_recv_iovec, msg_recv_commit, msg_extract), then the sip_t that its stack works with.
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "driver.hpp"

namespace {

const msg_mclass_t* message_class = nullptr;

bool receive(msg_t* m, std::string_view datagram) {
  msg_iovec_t pieces[8];
  const auto n = msg_recv_iovec(m, pieces, 8, static_cast<usize_t>(datagram.size()), 1);
  if (n < 1) return false;
  auto left = datagram;
  for (auto i = 0; i < n && !left.empty(); ++i) {
    const auto size = std::min<std::size_t>(pieces[i].mv_len, left.size());
    std::memcpy(pieces[i].mv_base, left.data(), size);
    left.remove_prefix(size);
  }
  msg_recv_commit(m, static_cast<usize_t>(datagram.size()), 1);
  return msg_extract(m) >= 0;
}

void read_start_line(const sip_t* s, Fields& f) {
  f.is_request = s->sip_request != nullptr;
  if (!f.is_request) {
    f.status = s->sip_status->st_status;
    return;
  }
  f.method = text(s->sip_request->rq_method_name);
  f.uri_user = text(s->sip_request->rq_url->url_user);
  f.uri_host = text(s->sip_request->rq_url->url_host);
}

void read_parties(const sip_t* s, Fields& f) {
  if (s->sip_via != nullptr) {
    f.branch = text(s->sip_via->v_branch);
    f.via_host = text(s->sip_via->v_host);
    f.via_port = s->sip_via->v_port ? std::atoi(s->sip_via->v_port) : 0;
  }
  if (s->sip_from != nullptr) {
    f.from_user = text(s->sip_from->a_url->url_user);
    f.from_host = text(s->sip_from->a_url->url_host);
    f.from_tag = text(s->sip_from->a_tag);
  }
  if (s->sip_to != nullptr) {
    f.to_user = text(s->sip_to->a_url->url_user);
    f.to_host = text(s->sip_to->a_url->url_host);
    f.to_tag = text(s->sip_to->a_tag);
  }
}

void read_rest(const sip_t* s, Fields& f) {
  if (s->sip_call_id != nullptr) f.call_id = text(s->sip_call_id->i_id);
  if (s->sip_cseq != nullptr) {
    f.cseq = static_cast<long>(s->sip_cseq->cs_seq);
    f.cseq_method = text(s->sip_cseq->cs_method_name);
  }
  if (s->sip_contact != nullptr) {
    f.contact_user = text(s->sip_contact->m_url->url_user);
    f.contact_host = text(s->sip_contact->m_url->url_host);
  }
  if (s->sip_max_forwards != nullptr)
    f.max_forwards = static_cast<long>(s->sip_max_forwards->mf_count);
  if (s->sip_content_type != nullptr) {
    f.type = text(s->sip_content_type->c_type);
    f.subtype = text(s->sip_content_type->c_subtype);
  }
  if (s->sip_content_length != nullptr)
    f.content_length = static_cast<long>(s->sip_content_length->l_length);
  if (s->sip_payload != nullptr) f.body = {s->sip_payload->pl_data, s->sip_payload->pl_len};
}

}  // namespace

bool parser_setup() {
  su_init();
  message_class = sip_default_mclass();
  return message_class != nullptr;
}

bool parse_one(std::string_view datagram, Sink sink) {
  msg_t* const m = msg_create(message_class, 0);
  const bool received = receive(m, datagram);
  const sip_t* const s = sip_object(m);
  const bool parsed = received && s != nullptr && msg_has_error(m) == 0;
  if (parsed) {
    Fields f;
    read_start_line(s, f);
    read_parties(s, f);
    read_rest(s, f);
    sink(f);
  }
  msg_destroy(m);
  return parsed;
}
