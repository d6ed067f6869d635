

xPlaceholder
b
wConst*
dtype0*I
value@B>"0¤jW?·Çh?Ã>Ï½A¿|u¿Œ¾F0(?•F}?2Ó>øD¿\ÿ¿Ø\	¿

yMatMul


step	
rRelu"¿