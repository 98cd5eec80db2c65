// SIP over WebSocket (RFC 7118): a browser connects to us, or we to who is named with transport=ws;
// it is upgraded with the sub-protocol "sip", and each WebSocket message is one SIP message. Shell;
// the only user of Beast in sip/.
#pragma once

#include <memory>

#include "sip/net/connection.hpp"

namespace sip::net {

// An accepted connection that has yet to shake hands, in TLS if it is wss, and to upgrade. Refuses
// with 400 what is no WebSocket or does not offer "sip".
ConnectionPtr accept_websocket(std::shared_ptr<ConnectionTable> table, ByteStream stream,
                               const Flow& flow);

// One of ours that has yet to connect. It asks for the resource "/", for RFC 7118 names none.
ConnectionPtr connect_websocket(std::shared_ptr<ConnectionTable> table, ByteStream stream,
                                const Flow& flow);

}  // namespace sip::net
