/**
 * The script inside an HTML report. It checks the audit records of the page against each other and, given the file
 * itself, every byte against the seal. It guards against accidents only, and says so: who can change the report can
 * change this script. It needs no network, no storage and nothing outside the page.
 */
export const REPORT_SCRIPT = `'use strict';
(function(){
var K=[],H=[];
(function(){function frac(x){return (x-Math.floor(x))*4294967296|0}
var n=2,found=0;while(found<64){var prime=true;for(var f=2;f*f<=n;f++)if(n%f===0){prime=false;break}
if(prime){if(found<8)H.push(frac(Math.pow(n,1/2)));K.push(frac(Math.pow(n,1/3)));found++}n++}})();
function hasher(){var h=H.slice(),w=new Int32Array(64),block=new Uint8Array(64),used=0,total=0;
function round(b,o){for(var i=0;i<16;i++)w[i]=b[o+4*i]<<24|b[o+4*i+1]<<16|b[o+4*i+2]<<8|b[o+4*i+3];
for(i=16;i<64;i++){var x=w[i-15],y=w[i-2];w[i]=w[i-16]+((x>>>7|x<<25)^(x>>>18|x<<14)^x>>>3)+w[i-7]+((y>>>17|y<<15)^(y>>>19|y<<13)^y>>>10)|0}
var a=h[0],c=h[1],d=h[2],e=h[3],f=h[4],g=h[5],j=h[6],k=h[7];
for(i=0;i<64;i++){var t=k+((f>>>6|f<<26)^(f>>>11|f<<21)^(f>>>25|f<<7))+(f&g^~f&j)+K[i]+w[i]|0;
var u=((a>>>2|a<<30)^(a>>>13|a<<19)^(a>>>22|a<<10))+(a&c^a&d^c&d)|0;k=j;j=g;g=f;f=e+t|0;e=d;d=c;c=a;a=t+u|0}
h[0]=h[0]+a|0;h[1]=h[1]+c|0;h[2]=h[2]+d|0;h[3]=h[3]+e|0;h[4]=h[4]+f|0;h[5]=h[5]+g|0;h[6]=h[6]+j|0;h[7]=h[7]+k|0}
return {add:function(b){total+=b.length;var i=0;if(used){while(used<64&&i<b.length)block[used++]=b[i++];if(used<64)return;round(block,0);used=0}
for(;i+64<=b.length;i+=64)round(b,i);while(i<b.length)block[used++]=b[i++]},
hex:function(){var bits=total*8,tail=new Uint8Array((used<56?56:120)-used+8);tail[0]=128;
var hi=Math.floor(bits/4294967296),lo=bits>>>0,end=tail.length;
for(var i=0;i<4;i++){tail[end-8+i]=hi>>>24-8*i;tail[end-4+i]=lo>>>24-8*i}
this.add(tail);return h.map(function(v){return (v>>>0).toString(16).padStart(8,'0')}).join('')}}}
var encoder=new TextEncoder();
function sha(text){var h=hasher();h.add(encoder.encode(text));return h.hex()}
function canonical(v){if(v===null||typeof v!=='object')return JSON.stringify(v);
if(Array.isArray(v))return '['+v.map(canonical).join(',')+']';
return '{'+Object.keys(v).sort().map(function(k){return JSON.stringify(k)+':'+canonical(v[k])}).join(',')+'}'}
function digest(name,field){return 'digest' in field?field.digest:sha(canonical([field.salt,name,field.value]))}
function recordHash(r){var fields={};Object.keys(r.fields).forEach(function(n){fields[n]=digest(n,r.fields[n])});
return sha(canonical({v:1,seq:r.seq,at:r.at,kind:r.kind,actor:r.actor,channel:r.channel,run_id:r.run_id,prev:r.prev,run_prev:r.run_prev,fields:fields}))}
function firstBroken(records){var prev=null,seq=0;for(var i=0;i<records.length;i++){var r=records[i];
if(r.run_prev!==prev||r.seq<=seq||recordHash(r)!==r.hash)return r.seq;prev=r.hash;seq=r.seq}return null}
function disagreeing(records){var verdicts={};records.forEach(function(r){var m=/^gate\\.(approved|rejected|expired|cancelled|undone)$/.exec(r.kind);
if(m&&r.fields.gate_id&&'value' in r.fields.gate_id)verdicts[r.fields.gate_id.value]=m[1]==='undone'?'pending':m[1]});
var cards=document.querySelectorAll('[data-gate]');for(var i=0;i<cards.length;i++){var shown=cards[i].getAttribute('data-verdict');
var told=verdicts[cards[i].getAttribute('data-gate')]||'pending';if(told!==shown)return cards[i].getAttribute('data-gate')}return null}
function say(good,text){var p=document.createElement('p');p.className=good===null?'wait':good?'good':'bad';p.textContent=text;
var box=document.getElementById('check');box.appendChild(p)}
function clear(){document.getElementById('check').textContent=''}
function checkRecords(){var records;try{records=Array.prototype.map.call(document.querySelectorAll('#records script'),function(e){return JSON.parse(e.textContent)})}catch(e){say(false,'The audit records in this page cannot be read.');return}
var seq=firstBroken(records);
if(seq!==null){say(false,'Audit record '+seq+' does not fit the records before it: this page was changed.');return}
var gate=disagreeing(records);
if(gate!==null){say(false,'What this page says of permission '+gate+' is not what its audit records say.');return}
say(true,'The '+records.length+' audit records in this page fit together, and the decisions shown are those they record.')}
function bytesOf(text){var raw=atob(text),b=new Uint8Array(raw.length);for(var i=0;i<raw.length;i++)b[i]=raw.charCodeAt(i);return b}
function find(bytes,text){var want=encoder.encode(text);for(var i=bytes.length-want.length;i>=0;i--){var j=0;while(j<want.length&&bytes[i+j]===want[j])j++;if(j===want.length)return i}return -1}
var BEFORE='\\n<script type="application/json" id="seal">',AFTER='<\\/script>\\n</body>\\n</html>\\n';
function checkBytes(bytes){clear();checkRecords();var from=find(bytes,BEFORE),end=find(bytes,AFTER);
if(from<0||end<0||end+encoder.encode(AFTER).length!==bytes.length){say(false,'This file has no seal at its end: it was cut off or changed.');return}
from+=BEFORE.length;var sealed;try{sealed=JSON.parse(new TextDecoder().decode(bytes.subarray(from,end)))}catch(e){say(false,'The seal of this file cannot be read.');return}
var at=0;for(var i=0;i<sealed.parts.length;i++){var p=sealed.parts[i],h=hasher();h.add(bytes.subarray(at,at+p[1]));
if(h.hex().slice(0,16)!==p[2]){say(false,'Changed since it was exported, first in: '+p[0]+'.');return}at+=p[1]}
var all=hasher();all.add(bytes.subarray(0,from));all.add(bytes.subarray(end));
if(all.hex()!==sealed.sha256){say(false,'Changed since it was exported, at its very end.');return}
say(true,'Every byte of this file is as its seal says (SHA-256 '+sealed.sha256+').');
var unsigned={};Object.keys(sealed).forEach(function(k){if(k!=='signature')unsigned[k]=sealed[k]});
var message=encoder.encode('rungate export seal\\n'+canonical(unsigned));
var subtle=window.crypto&&window.crypto.subtle;
if(!subtle){say(null,'This browser cannot check the signature.');return}
subtle.importKey('raw',bytesOf(sealed.public_key),{name:'Ed25519'},false,['verify']).then(function(key){
return subtle.verify({name:'Ed25519'},key,bytesOf(sealed.signature),message)}).then(function(good){
say(good,good?'The signature fits the key '+sealed.key+'. Whether that is the key of the Rungate you trust, only that Rungate can say.':'The signature does not fit.')},
function(){say(null,'This browser cannot check the signature.')})}
document.addEventListener('DOMContentLoaded',function(){document.getElementById('sha256').textContent=JSON.parse(document.getElementById('seal').textContent).sha256});
var button=document.getElementById('check-records');if(!button)return;
button.addEventListener('click',function(){clear();checkRecords()});
document.getElementById('check-file').addEventListener('change',function(event){var file=event.target.files[0];if(!file)return;
file.arrayBuffer().then(function(b){checkBytes(new Uint8Array(b))})});
})();
`;
