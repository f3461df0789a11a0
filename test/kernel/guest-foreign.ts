/** Sets of kinds that kube-proxy has not, as `ipset restore` takes them. */
export const foreignSets = `create A hash:net,iface family inet hashsize 1024 maxelem 100 timeout 0 counters comment skbinfo forceadd
add A 10.0.0.0/8,physdev:eth0 timeout 0 nomatch packets 3 bytes 4 comment "two words" skbmark 0x1/0xff skbprio 1:10 skbqueue 3
create B bitmap:ip range 192.0.2.0-192.0.2.255
add B 192.0.2.7
create C bitmap:ip,mac range 192.0.2.0-192.0.2.255
add C 192.0.2.7
add C 192.0.2.8,02:00:00:00:00:01
create D hash:mac
add D 02:00:00:00:00:01
create E hash:net,port,net
add E 10.0.0.0/8,tcp:80,192.0.2.1
create F hash:ip,mark markmask 0xff
add F 10.0.0.1,0x63
create G hash:net,net family inet6
add G fd00::/16,fd01::/16
create H hash:ip,port
add H 10.0.0.1,icmp:echo-request
add H 10.0.0.1,gre:0
create I list:set size 4
add I A
add I D
`;

/** Virtual servers of kinds that kube-proxy has not, as `ipvsadm -R` takes them and `ipvsadm -S -n` lists them. */
export const foreignServers = `-A -t 198.51.100.1:0 -s sh -p 33 -M 255.255.255.0 -b sh-fallback,sh-port
-a -t 198.51.100.1:0 -r 10.1.0.1:0 -g -w 5
-a -t 198.51.100.1:0 -r 10.1.0.2:0 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-a -t 198.51.100.1:0 -r 10.1.0.3:0 -i -w 1 --tun-type gre --tun-nocsum
-A -u 198.51.100.1:5060 -s rr -p 33 --pe sip -o
-A -t [fd00:198::1]:80 -s rr -p 600 -M 64
-a -t [fd00:198::1]:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip
-A -f 7 -s wlc
-a -f 7 -r 10.1.0.1:0 -g -w 1
-A -f 7 -6 -s wlc -p 20 -M 64
-a -f 7 -6 -r [fd00::5]:0 -m -w 1
`;
