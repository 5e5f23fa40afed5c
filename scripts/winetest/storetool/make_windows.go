package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"devcert/devcert/chain"
	"devcert/platform/winstore"
)

// selfSigned makes a certificate for localhost that ends in that many days.
func selfSigned(into winstore.Store, friendlyName string, days int, extra []pkix.Extension) error {
	end := time.Now().AddDate(0, 0, days)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: end.AddDate(-5, 0, 0), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, ExtraExtensions: extra,
	}
	cert, key, err := sign(template, nil, nil)
	if err != nil {
		return err
	}
	if err := addWithKey(into, cert.Raw, key, "storetool "+chain.Thumbprint(cert), friendlyName); err != nil {
		return err
	}
	fmt.Println(chain.Thumbprint(cert))
	return nil
}

// foreignCA puts somebody's CA that is not self-signed where IIS suffers from it.
func foreignCA(into winstore.Store) error {
	template := &x509.Certificate{
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	template.Subject.CommonName = "Somebody's Root"
	root, key, err := sign(template, nil, nil)
	if err != nil {
		return err
	}
	template.Subject.CommonName = "Somebody's Intermediate"
	cert, _, err := sign(template, root, key)
	if err != nil {
		return err
	}
	if _, err := into.Add(cert.Raw, ""); err != nil {
		return err
	}
	fmt.Println(chain.Thumbprint(cert))
	return nil
}

// sign makes a certificate, signed by itself where there is no issuer.
func sign(template, issuer *x509.Certificate, by *rsa.PrivateKey) (*x509.Certificate, *rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	if issuer == nil {
		issuer, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}
