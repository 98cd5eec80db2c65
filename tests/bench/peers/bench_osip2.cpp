// Debian's libosip2-dev: osip_message_parse() parses everything at once. It cuts the Call-ID at
// '@'.
#include <osipparser2/osip_headers.h>
#include <osipparser2/osip_parser.h>

#include <cstdlib>
#include <cstring>

#include "driver.hpp"

namespace {

long number(const char* z) {
  return z ? std::atol(z) : 0;
}

std::string_view value_of(const osip_generic_param_t* param) {
  return param ? text(param->gvalue) : std::string_view();
}

void read_start_line(osip_message_t* m, Fields& f) {
  f.is_request = MSG_IS_REQUEST(m) != 0;
  if (!f.is_request) {
    f.status = m->status_code;
    return;
  }
  f.method = text(m->sip_method);
  f.uri_user = text(m->req_uri->username);
  f.uri_host = text(m->req_uri->host);
}

void read_via(osip_message_t* m, Fields& f) {
  auto* const via = static_cast<osip_via_t*>(osip_list_get(&m->vias, 0));
  if (via == nullptr) return;
  osip_generic_param_t* branch = nullptr;
  char name[] = "branch";
  osip_via_param_get_byname(via, name, &branch);
  f.branch = value_of(branch);
  f.via_host = text(via->host);
  f.via_port = static_cast<int>(number(via->port));
}

void read_parties(osip_message_t* m, Fields& f) {
  if (m->from != nullptr) {
    osip_generic_param_t* tag = nullptr;
    osip_from_get_tag(m->from, &tag);
    f.from_user = text(m->from->url->username);
    f.from_host = text(m->from->url->host);
    f.from_tag = value_of(tag);
  }
  if (m->to != nullptr) {
    osip_generic_param_t* tag = nullptr;
    osip_to_get_tag(m->to, &tag);
    f.to_user = text(m->to->url->username);
    f.to_host = text(m->to->url->host);
    f.to_tag = value_of(tag);
  }
}

void read_rest(osip_message_t* m, Fields& f) {
  if (m->call_id != nullptr) f.call_id = text(m->call_id->number);
  if (m->cseq != nullptr) {
    f.cseq = number(m->cseq->number);
    f.cseq_method = text(m->cseq->method);
  }
  auto* const contact = static_cast<osip_contact_t*>(osip_list_get(&m->contacts, 0));
  if (contact != nullptr && contact->url != nullptr) {
    f.contact_user = text(contact->url->username);
    f.contact_host = text(contact->url->host);
  }
  osip_header_t* hops = nullptr;
  if (osip_message_get_max_forwards(m, 0, &hops) >= 0 && hops)
    f.max_forwards = number(hops->hvalue);
  if (m->content_type != nullptr) {
    f.type = text(m->content_type->type);
    f.subtype = text(m->content_type->subtype);
  }
  if (m->content_length != nullptr) f.content_length = number(m->content_length->value);
  auto* const body = static_cast<osip_body_t*>(osip_list_get(&m->bodies, 0));
  if (body != nullptr) f.body = {body->body, body->length};
}

}  // namespace

bool parser_setup() {
  return parser_init() == 0;
}

bool parse_one(std::string_view datagram, Sink sink) {
  static char buffer[max_datagram + 1];
  std::memcpy(buffer, datagram.data(), datagram.size());
  buffer[datagram.size()] = 0;
  osip_message_t* m = nullptr;
  if (osip_message_init(&m) != 0) return false;
  const bool parsed = osip_message_parse(m, buffer, datagram.size()) == 0;
  if (parsed) {
    Fields f;
    read_start_line(m, f);
    read_via(m, f);
    read_parties(m, f);
    read_rest(m, f);
    sink(f);
  }
  osip_message_free(m);
  return parsed;
}
