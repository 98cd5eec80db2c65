// Addresses of sip/ as Asio wants them.
#pragma once

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "sip/address.hpp"

namespace gbcam {

inline boost::asio::ip::address to_asio(const sip::IpAddress& ip) {
  if (ip.is_v6()) return boost::asio::ip::address_v6(ip.bytes());
  boost::asio::ip::address_v4::bytes_type bytes;
  std::copy_n(ip.bytes().begin(), bytes.size(), bytes.begin());
  return boost::asio::ip::address_v4(bytes);
}

}  // namespace gbcam
