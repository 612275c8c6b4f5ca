# Everything comes from Debian packages; script/bootstrap installs them.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson>=1.7.15)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
find_library(PAHO_MQTT_ASYNC_TLS paho-mqtt3as REQUIRED)
