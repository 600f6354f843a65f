# SPDX-License-Identifier: GPL-2.0-or-later
#
# sm --defaults | sed -f etc/sample.sed: the configuration of a fresh installation, which needs a domain, a certificate and a key.
s|^#user = .*|user = "gatehouse"|
s|^#certificate = .*|certificate = "certificate.pem"|
s|^#private-key = .*|private-key = "private-key.pem"|
/^# The domains that are served/i\
# Nothing starts before there is a domain here, and its certificate and key where the settings above say. Take the # from the next\
# and the last line, and name the domain. The user gatehouse must be able to read the key, so that a reload can:\
#   chown root:gatehouse /etc/gatehouse/private-key.pem; chmod 640 /etc/gatehouse/private-key.pem
s|^domain "localhost" {|#domain "example.org" {|
s|^}$|#}|
